import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './runProgram.js';
import { temporaryFolder, withTemporaryFolder } from './serverCache.js';

/** The archive is signed; Debian's own keyring knows by whom. */
const KEYRINGS = ['debian-archive-keyring.pgp', 'debian-archive-keyring.gpg'].map((name) =>
  join('/usr/share/keyrings', name),
);

/** What a source of Debian's main archive may call its suite: this leaves out security updates and other archives. */
const MAIN_ARCHIVE = /^(bullseye|bookworm|trixie|forky|sid|stable|oldstable|oldoldstable|testing|unstable)(-updates)?$/;

/**
 * Downloads packages of one suite of Debian and unpacks them into a folder, without root and without installing them.
 *
 * The suite need not be that of the machine: it is read through a source list of our own, from the mirror that the machine's
 * sources name.
 */
export async function unpackDebianPackages(suite: string, packages: readonly string[], into: string): Promise<void> {
  const options = await listsOf(suite);
  await withTemporaryFolder(async (folder) => {
    await aptGet(options, ['download', ...packages], folder);
    for (const file of await readdir(folder)) {
      if (file.endsWith('.deb')) await runProgram('dpkg-deb', ['-x', join(folder, file), into]);
    }
  });
}

const lists = new Map<string, Promise<string[]>>();

/** Reads a suite's package lists, once for this process; returns the options that have `apt-get` use them. */
function listsOf(suite: string): Promise<string[]> {
  const known = lists.get(suite) ?? readLists(suite);
  lists.set(suite, known);
  return known;
}

async function readLists(suite: string): Promise<string[]> {
  const failures: unknown[] = [];
  for (const mirror of await mirrors()) {
    try {
      return await readListsFrom(mirror, suite);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `No mirror of Debian that this machine's apt sources name has ${suite}.`);
}

/** The mirrors of Debian's main archive that the machine's own apt sources name. */
async function mirrors(): Promise<string[]> {
  const format = '$(RELEASE) $(REPO_URI)';
  const targets = await runProgram('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const sources = targets.split('\n').map((line) => line.split(' '));
  const uris = sources.flatMap(([suite = '', uri]) => (uri && MAIN_ARCHIVE.test(suite) ? [uri] : []));
  return [...new Set(uris)];
}

async function readListsFrom(mirror: string, suite: string): Promise<string[]> {
  const folder = await temporaryFolder();
  const [sources, status] = [join(folder, 'debian.sources'), join(folder, 'status')];
  const keyring = KEYRINGS.find((file) => existsSync(file));
  const signedBy = keyring === undefined ? '' : `Signed-By: ${keyring}\n`;
  await writeFile(sources, `Types: deb\nURIs: ${mirror}\nSuites: ${suite}\nComponents: main\n${signedBy}`);
  // What is installed on this machine must not decide which version is downloaded.
  await writeFile(status, '');
  await mkdir(join(folder, 'state', 'lists', 'partial'), { recursive: true });
  await mkdir(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const options = [
    `Dir::State=${join(folder, 'state')}`,
    `Dir::State::lists=${join(folder, 'state', 'lists')}`,
    `Dir::State::status=${status}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferences=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    'Acquire::Languages=none',
    // A mirror that cannot be reached is a failure, not a warning.
    'APT::Update::Error-Mode=any',
  ];
  await aptGet(options, ['update'], folder);
  return options;
}

async function aptGet(options: readonly string[], args: readonly string[], folder: string): Promise<void> {
  // Root would otherwise download as a user who may not write into this folder.
  const flags = ['APT::Sandbox::User=root', ...options].flatMap((option) => ['-o', option]);
  await runProgram('apt-get', ['-qq', ...flags, ...args], folder);
}
