import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serverCache, withTemporaryFolder } from './serverCache.js';

const run = promisify(execFile);

/** Downloads Debian packages and unpacks them into a folder, without root and without installing them. */
export async function unpackDebianPackages(packages: readonly string[], into: string): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    await download(packages, folder);
    for (const file of await readdir(folder)) {
      if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', join(folder, file), into]);
    }
  });
}

let freshLists: Promise<string[]> | undefined;

async function download(packages: readonly string[], folder: string): Promise<void> {
  const tryWith = async (options: readonly string[]) => {
    // Root would otherwise download as a user who may not write into this folder.
    await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', ...options, 'download', ...packages], {
      cwd: folder,
    });
  };
  try {
    await tryWith(freshLists ? await freshLists : []);
  } catch (error) {
    if (freshLists || isMissingProgram(error)) throw error;
    // The machine's package lists are missing or out of date, and only root may renew them: use our own.
    freshLists = fetchPackageLists();
    await tryWith(await freshLists).catch((again: unknown) => {
      throw new Error(again instanceof Error ? again.message : String(again), { cause: error });
    });
  }
}

async function fetchPackageLists(): Promise<string[]> {
  const folder = join(serverCache(), 'apt');
  const state = join(folder, 'state');
  const cache = join(folder, 'cache');
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  const options = [`Dir::State=${state}`, `Dir::State::lists=${state}/lists`, `Dir::Cache=${cache}`];
  const flags = options.flatMap((option) => ['-o', option]);
  // One unreachable source makes it fail though the others are read: whether it was enough, the download tells.
  await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', ...flags, 'update']).catch(() => undefined);
  return flags;
}

function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
