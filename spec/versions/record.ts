import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { ETCD } from '../support/servers/etcdProgram.js';
import { findServer } from '../support/servers/findServer.js';
import { ZOOKEEPER } from '../support/servers/zookeeperDistribution.js';
import { suitesOf } from './suites.js';
import { versionsTable, withTable } from './table.js';
import { addOutcomes, NO_VERSIONS, type Outcomes, type ServerName, type Versions } from './versions.js';

const FILE = fileURLToPath(new URL('../../docs/versions.json', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/tested-versions.md', import.meta.url));

/** Reads what was tested. */
export async function readVersions(): Promise<Versions> {
  return existsSync(FILE) ? (JSON.parse(await readFile(FILE, 'utf8')) as Versions) : NO_VERSIONS;
}

/** Writes how suites went on the server that the environment chooses, and the table with it. */
export async function recordOutcomes(name: ServerName, outcomes: Outcomes): Promise<void> {
  const kind = name === 'etcd' ? ETCD : ZOOKEEPER;
  const { path, origin } = findServer(kind);
  const server = { name, version: await kind.versionOf(path), origin };
  const versions = addOutcomes(await readVersions(), server, outcomes);
  await writeFile(FILE, await pretty(JSON.stringify(versions), FILE));
  await writeFile(PAGE, await pageOf(versions));
}

/** The page as it is, but with the table of these versions. */
export async function pageOf(versions: Versions): Promise<string> {
  return pretty(withTable(await readFile(PAGE, 'utf8'), versionsTable(versions, suitesOf)), PAGE);
}

/** Writes the table from the file. */
export async function writePage(): Promise<void> {
  await writeFile(PAGE, await pageOf(await readVersions()));
}

async function pretty(text: string, file: string): Promise<string> {
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}
