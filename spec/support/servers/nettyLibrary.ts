import { existsSync, readdirSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackDebianPackages } from './debianPackages.js';
import { cached, inCache, withTemporaryFolder } from './serverCache.js';

// What ZooKeeper talks TLS with. Debian packages it apart from the server.

const PACKAGE = 'libnetty-java';
const SUITES = ['trixie', 'bookworm', 'sid'];
const JAR = /^netty-[\w-]+-\d[\w.]*\.jar$/;

/** The part of the class path that has Netty, for a server that has none itself. Throws where there is none. */
export function nettyClassPath(): string {
  const folder = inCache('netty');
  if (!existsSync(folder))
    throw new Error('There is no Netty, which ZooKeeper talks TLS with: `npm run servers` gets it.');
  return join(folder, '*');
}

/** Whether a folder has what is needed. */
export function hasNetty(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((file) => file.startsWith('netty-handler-'));
}

/** Gets Netty into the cache, from Debian's packages. */
export async function fetchNetty(report: (line: string) => void): Promise<void> {
  await cached(inCache('netty'), async (target) => {
    report('Netty: fetching a Debian package…');
    const failures: unknown[] = [];
    for (const suite of SUITES) {
      try {
        return await withTemporaryFolder(async (root) => {
          await unpackDebianPackages(suite, [PACKAGE], root);
          const java = join(root, 'usr', 'share', 'java');
          const jars = (await readdir(java)).filter((file) => JAR.test(file) && !file.startsWith('netty-all-'));
          for (const jar of jars) await copyFile(join(java, jar), join(target, jar));
          if (!hasNetty(target)) throw new Error(`Debian's package holds no netty-handler`);
        });
      } catch (error) {
        failures.push(error);
      }
    }
    throw new AggregateError(failures, `Netty cannot be had: \`apt-get download ${PACKAGE}\` failed.`);
  });
}
