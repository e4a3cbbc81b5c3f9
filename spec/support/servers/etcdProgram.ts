import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackDebianPackages } from './debianPackages.js';
import { findExecutable, isExecutable } from './findExecutable.js';
import { cached, withTemporaryFolder } from './serverCache.js';

const PACKAGE = 'etcd-server';

/**
 * Finds the program `etcd`: `ETCD`, else on `PATH`, else in the cache, which is filled from Debian's package when it is
 * empty.
 *
 * @param report - is told what takes long
 */
export async function etcdProgram(report: (line: string) => void = () => {}): Promise<string> {
  const named = process.env['ETCD'];
  if (named && isExecutable(named)) return named;
  if (named) throw new Error(`ETCD is ${named}, which cannot be run: set it to the program etcd (3.4 or later).`);
  const onPath = findExecutable('etcd');
  if (onPath) return onPath;
  const folder = await cached('etcd', async (target) => {
    await fetchEtcd(target, report).catch((cause: unknown) => {
      throw new Error(HOW_TO_GET, { cause });
    });
  });
  return join(folder, 'etcd');
}

/** What a program says its version is. */
export async function etcdVersion(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(program, ['--version']);
  return /etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'of an unknown version';
}

const HOW_TO_GET =
  `There is no etcd and its Debian package could not be downloaded. ` +
  `Either, as root, run \`apt-get update && apt-get install ${PACKAGE}\`, or unpack a release of etcd (3.4 or later) ` +
  `and set ETCD to the program in it.`;

async function fetchEtcd(target: string, report: (line: string) => void): Promise<void> {
  report('etcd: fetching a Debian package of about 8 MB…');
  await withTemporaryFolder(async (root) => {
    await unpackDebianPackages([PACKAGE], root);
    const program = join(root, 'usr', 'bin', 'etcd');
    // It may have been built for another machine.
    await etcdVersion(program);
    await copyFile(program, join(target, 'etcd'));
  });
}
