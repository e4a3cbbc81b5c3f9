import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackDebianPackages } from './debianPackages.js';
import { findExecutable, isExecutable } from './findExecutable.js';
import { findServer } from './findServer.js';
import { runProgram } from './runProgram.js';
import { withTemporaryFolder } from './serverCache.js';
import type { ServerKind } from './serverReleases.js';

const PACKAGE = 'etcd-server';
const MODULE = 'go.etcd.io/etcd/server/v3';

/** etcd, as Debian packages it or as Go builds it; version 3.4 is not a Go module that can be built. */
export const ETCD: ServerKind = {
  name: 'etcd',
  ownVariable: 'ETCD',
  choiceVariable: 'RX_REGISTRY_ETCD',
  lines: { '3.4': 'bookworm', '3.5': '3.5.35', '3.6': '3.6.16' },
  otherWays:
    `Either, as root, run \`apt-get update && apt-get install ${PACKAGE}\` and then \`npm run servers\`, ` +
    `or set ETCD to the program of a release of etcd (3.4 or later).`,
  locate: (folder) => join(folder, 'etcd'),
  async versionOf(program) {
    const answer = await runProgram(executable(program), ['--version']);
    const version = /etcd Version: (\S+)/.exec(answer)?.[1];
    if (version === undefined) throw new Error(`${program} does not say that it is etcd.`);
    return version;
  },
  async fromDebian(suite, folder) {
    await withTemporaryFolder(async (root) => {
      await unpackDebianPackages(suite, [PACKAGE], root);
      await copyFile(join(root, 'usr', 'bin', 'etcd'), join(folder, 'etcd'));
    });
  },
  async fromRelease(version, folder) {
    const go = findExecutable('go');
    if (!go) throw new Error(`etcd ${version} is built with Go: there is no program go on the path.`);
    await withTemporaryFolder(async (module) => {
      const goThere = (...args: string[]) => runProgram(go, args, module);
      await goThere('mod', 'init', 'servers');
      await goThere('get', `${MODULE}@v${version}`);
      await goThere('build', '-o', join(folder, 'etcd'), MODULE);
    });
  },
  async fromMachine(folder) {
    const program = findExecutable('etcd');
    if (!program) throw new Error('There is no program etcd on the path.');
    await symlink(program, join(folder, 'etcd'));
  },
};

/** The program `etcd` that the environment names or chooses. */
export function etcdProgram(): string {
  return executable(findServer(ETCD).path);
}

function executable(program: string): string {
  if (isExecutable(program)) return program;
  throw new Error(`${program} cannot be run: set ETCD to the program of a release of etcd (3.4 or later).`);
}
