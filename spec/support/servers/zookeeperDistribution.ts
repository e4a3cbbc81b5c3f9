import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { unpackDebianPackages } from './debianPackages.js';
import { cached, withTemporaryFolder } from './serverCache.js';

const PACKAGES = ['libzookeeper-java', 'libslf4j-java', 'libdropwizard-metrics-java', 'libsnappy-java'];
const JARS = ['zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-simple', 'metrics-core', 'snappy-java'];
const SYSTEM_JARS = '/usr/share/java';

/** A ZooKeeper that Java can run. */
export interface ZooKeeperDistribution {
  readonly version: string;
  readonly classPath: string;
}

/**
 * Finds ZooKeeper: `ZOOKEEPER_HOME`, else the cache, which is filled from Debian's packages when it is empty.
 *
 * @param report - is told what takes long
 */
export async function zookeeperDistribution(report: (line: string) => void = () => {}): Promise<ZooKeeperDistribution> {
  const home = process.env['ZOOKEEPER_HOME'];
  if (home) return distributionIn(home);
  const folder = await cached('zookeeper', async (target) => {
    await fetchJars(join(target, 'lib'), report).catch((cause: unknown) => {
      throw new Error(HOW_TO_GET, { cause });
    });
  });
  return distributionIn(folder);
}

const HOW_TO_GET =
  `There is no ZooKeeper and its Debian packages could not be downloaded. ` +
  `Either, as root, run \`apt-get update && apt-get install ${PACKAGES.join(' ')}\`, or unpack a release of Apache ZooKeeper (3.6 or later) ` +
  `and set ZOOKEEPER_HOME to its folder.`;

async function fetchJars(lib: string, report: (line: string) => void): Promise<void> {
  await mkdir(lib, { recursive: true });
  const installed = existsSync(SYSTEM_JARS) ? await readdir(SYSTEM_JARS) : [];
  if (JARS.every((jar) => installed.some(isVersionOf(jar)))) return copyJars(SYSTEM_JARS, lib);

  report(`ZooKeeper: fetching ${PACKAGES.length} Debian packages…`);
  await withTemporaryFolder(async (root) => {
    await unpackDebianPackages(PACKAGES, root);
    await copyJars(join(root, SYSTEM_JARS), lib);
  });
}

async function copyJars(from: string, lib: string): Promise<void> {
  const files = await readdir(from);
  for (const jar of JARS) {
    const file = files.find(isVersionOf(jar));
    if (!file) throw new Error(`Debian's packages hold no ${jar}.jar`);
    await copyFile(join(from, file), join(lib, file));
  }
}

function isVersionOf(jar: string): (file: string) => boolean {
  return (file) => file.startsWith(`${jar}-`) && /^\d[\w.-]*\.jar$/.test(file.slice(jar.length + 1));
}

function distributionIn(home: string): ZooKeeperDistribution {
  const lib = join(home, 'lib');
  const files = [home, lib].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  const version = /^zookeeper-(.+)\.jar$/.exec(files.find(isVersionOf('zookeeper')) ?? '')?.[1];
  if (!version) {
    throw new Error(
      `No zookeeper-<version>.jar in ${home} or its lib folder: set ZOOKEEPER_HOME to an unpacked release.`,
    );
  }
  // Its conf folder holds the settings of its logging.
  return { version, classPath: [join(lib, '*'), join(home, '*'), join(home, 'conf')].join(delimiter) };
}
