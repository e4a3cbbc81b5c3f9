import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { unpackDebianPackages } from './debianPackages.js';
import { findExecutable } from './findExecutable.js';
import { findServer } from './findServer.js';
import { hasNetty } from './nettyLibrary.js';
import { runProgram } from './runProgram.js';
import { withTemporaryFolder } from './serverCache.js';
import type { ServerKind } from './serverReleases.js';

const PACKAGES = ['libzookeeper-java', 'libslf4j-java', 'libdropwizard-metrics-java', 'libsnappy-java'];
const JARS = ['zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-simple', 'metrics-core', 'snappy-java'];
const SYSTEM_JARS = '/usr/share/java';

/** ZooKeeper, as Debian packages it or from Maven's repository. */
export const ZOOKEEPER: ServerKind = {
  name: 'ZooKeeper',
  ownVariable: 'ZOOKEEPER_HOME',
  choiceVariable: 'RX_REGISTRY_ZOOKEEPER',
  lines: { '3.5': '3.5.10', '3.6': '3.6.4', '3.7': '3.7.2', '3.8': '3.8.6', '3.9': '3.9.4' },
  otherWays:
    `Either, as root, run \`apt-get update && apt-get install ${PACKAGES.join(' ')}\` and then \`npm run servers\`, ` +
    `or unpack a release of Apache ZooKeeper (3.5 or later) and set ZOOKEEPER_HOME to its folder.`,
  locate: (folder) => folder,
  versionOf: async (home) => distributionIn(home).version,
  async fromDebian(suite, folder) {
    await withTemporaryFolder(async (root) => {
      await unpackDebianPackages(suite, PACKAGES, root);
      await keepJars(join(root, SYSTEM_JARS), folder, copyFile);
    });
  },
  async fromRelease(version, folder) {
    const maven = findExecutable('mvn');
    if (!maven) throw new Error(`ZooKeeper ${version} is got with Maven: there is no program mvn on the path.`);
    await withTemporaryFolder(async (project) => {
      await writeFile(join(project, 'pom.xml'), projectThatNeeds(version));
      const options = ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`];
      await runProgram(maven, options, project);
    });
  },
  async fromMachine(folder) {
    await keepJars(SYSTEM_JARS, folder, symlink);
  },
};

/** A ZooKeeper that Java can run. */
export interface ZooKeeperDistribution {
  readonly version: string;
  readonly classPath: string;
  /** Whether Netty is among what it brings along: without it, it does not talk TLS. */
  readonly hasNetty: boolean;
}

/** The ZooKeeper that the environment names or chooses. */
export function zookeeperDistribution(): ZooKeeperDistribution {
  return distributionIn(findServer(ZOOKEEPER).path);
}

async function keepJars(
  from: string,
  target: string,
  keep: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const lib = join(target, 'lib');
  await mkdir(lib);
  const files = existsSync(from) ? await readdir(from) : [];
  for (const jar of JARS) {
    const file = files.find(isVersionOf(jar));
    if (!file) throw new Error(`There is no ${jar}.jar in ${from}`);
    await keep(join(from, file), join(lib, file));
  }
}

function isVersionOf(jar: string): (file: string) => boolean {
  return (file) => file.startsWith(`${jar}-`) && /^\d[\w.-]*\.jar$/.test(file.slice(jar.length + 1));
}

/**
 * A Maven project whose dependencies are a server. ZooKeeper declares the libraries for metrics and compression as optional, so
 * they are named; the logging libraries differ from version to version, so one that writes to the output replaces them.
 */
function projectThatNeeds(version: string): string {
  const loggers = [
    'org.slf4j:slf4j-log4j12',
    'org.slf4j:slf4j-reload4j',
    'log4j:*',
    'ch.qos.reload4j:*',
    'ch.qos.logback:*',
  ];
  const needed = [
    ['org.apache.zookeeper', 'zookeeper', version],
    ['org.slf4j', 'slf4j-api', '1.7.36'],
    ['org.slf4j', 'slf4j-simple', '1.7.36'],
    ['io.dropwizard.metrics', 'metrics-core', '4.1.12.1'],
    ['org.xerial.snappy', 'snappy-java', '1.1.10.5'],
  ];
  const exclusions = loggers.map((name) => `<exclusion>${coordinates(name.split(':'))}</exclusion>`).join('');
  const dependencies = needed.map(
    (name) => `<dependency>${coordinates(name)}<exclusions>${exclusions}</exclusions></dependency>`,
  );
  return (
    '<project><modelVersion>4.0.0</modelVersion>' +
    coordinates(['rx-registry', 'servers', '1']) +
    `<dependencies>${dependencies.join('')}</dependencies></project>`
  );
}

function coordinates([group, artifact, version]: readonly string[]): string {
  const versionTag = version === undefined ? '' : `<version>${version}</version>`;
  return `<groupId>${group}</groupId><artifactId>${artifact}</artifactId>${versionTag}`;
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
  const classPath = [join(lib, '*'), join(home, '*'), join(home, 'conf')].join(delimiter);
  return { version, classPath, hasNetty: hasNetty(lib) };
}
