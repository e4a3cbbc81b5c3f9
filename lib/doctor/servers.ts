import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { RegistryAddress, RegistryHost } from '../dubbo/index.js';
import type { Spot } from './finding.js';
import { etcdVersion, zookeeperVersion } from './serverVersion.js';
import { dial, handshake } from './sockets.js';
import { isFrom, lineOf } from './testedVersions.js';

/** What is known of one server before anybody is logged in. */
export interface ServerFacts {
  readonly address: string;
  /** How long it takes to accept a connection; `undefined` where it does not. */
  readonly connectMs?: number;
  readonly version?: string;
  /** How changes of directories are followed there. */
  readonly watches?: string;
}

/** What a look at the servers of an address shows. */
export interface ServersReport {
  readonly facts: readonly ServerFacts[];
  readonly spots: readonly Spot[];
}

/** How long a server has to accept a connection, to shake hands, or to tell its version. */
const PATIENCE_MS = 3_000;
/** Certificates that end sooner are told of. */
const EXPIRES_MS = 14 * 86_400_000;
/** The first line of ZooKeeper with persistent recursive watches. */
const PERSISTENT_FROM = '3.6';

/** Looks at every server of an address: whether it is there, speaks TLS as asked, and is of a version that is tested. */
export async function judgeServers(
  address: RegistryAddress,
  testedLines: Readonly<Record<string, readonly string[]>>,
  timeoutMs: number,
): Promise<ServersReport> {
  const patienceMs = Math.min(timeoutMs, PATIENCE_MS);
  const reports = await Promise.all(address.hosts.map((host) => judgeServer(address, host, testedLines, patienceMs)));
  return { facts: reports.map(({ fact }) => fact), spots: reports.flatMap(({ spots }) => spots) };
}

async function judgeServer(
  address: RegistryAddress,
  { host, port }: RegistryHost,
  testedLines: Readonly<Record<string, readonly string[]>>,
  timeoutMs: number,
): Promise<{ fact: ServerFacts; spots: Spot[] }> {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const dialled = await dial(host, port, timeoutMs);
  if (!dialled.ok) {
    return { fact: { address: where }, spots: [{ id: 'ADDRESS_UNREACHABLE', where, detail: dialled.reason }] };
  }
  const connectMs = Math.round(dialled.ms * 10) / 10;
  const asksTls = address.parameters.get('tls') === 'true';
  const tls = tlsOf(address, host);
  const version = await (address.protocol === 'etcd'
    ? etcdVersion(host, port, asksTls ? tls : undefined, timeoutMs)
    : zookeeperVersion(host, port, timeoutMs));
  // A server that answers in the way that the address asks for needs no handshake to say so.
  const spots =
    asksTls || version === undefined ? await judgeTls(where, asksTls, { ...tls, host, port }, timeoutMs) : [];
  const isCutOff = spots.some(({ id }) => id !== 'TLS_EXPIRES');
  if (!isCutOff) spots.push(...judgeVersion(address.protocol, where, version, testedLines));
  const watches = version && watchesOf(address.protocol, version);
  return { fact: { address: where, connectMs, ...(version && { version, watches: watches! }) }, spots };
}

async function judgeTls(where: string, asks: boolean, options: ConnectionOptions, timeoutMs: number): Promise<Spot[]> {
  if (!asks) {
    const { outcome } = await handshake({ ...options, rejectUnauthorized: false }, timeoutMs);
    return outcome === 'none' ? [] : [{ id: 'TLS_NOT_ASKED', where }];
  }
  const result = await handshake(options, timeoutMs);
  if (result.outcome === 'none') return [{ id: 'TLS_NOT_SPOKEN', where, detail: result.reason }];
  if (result.outcome === 'refused') return [{ id: 'TLS_REFUSED', where, detail: result.reason }];
  const { expiresMs = Infinity } = result;
  if (expiresMs - Date.now() > EXPIRES_MS) return [];
  return [{ id: 'TLS_EXPIRES', where, detail: `on ${new Date(expiresMs).toISOString().slice(0, 10)}` }];
}

function judgeVersion(
  protocol: string,
  where: string,
  version: string | undefined,
  testedLines: Readonly<Record<string, readonly string[]>>,
): Spot[] {
  if (version === undefined) return [{ id: 'VERSION_UNKNOWN', where }];
  const spots: Spot[] = [];
  const lines = testedLines[protocol] ?? [];
  if (!lines.includes(lineOf(version))) {
    spots.push({ id: 'VERSION_UNTESTED', where, detail: `${version}, tested are ${lines.join(', ')}` });
  }
  if (protocol === 'zookeeper' && !isFrom(version, PERSISTENT_FROM)) {
    spots.push({ id: 'ONE_SHOT_WATCHES', where, detail: version });
  }
  return spots;
}

function watchesOf(protocol: string, version: string): string {
  if (protocol === 'etcd') return 'on prefixes';
  return isFrom(version, PERSISTENT_FROM) ? 'persistent recursive' : 'one-shot, and reading again';
}

function tlsOf({ parameters }: RegistryAddress, host: string): ConnectionOptions {
  const file = (name: string): Record<string, Buffer> => {
    const path = parameters.get(name);
    try {
      return path === undefined ? {} : { [name]: readFileSync(path) };
    } catch {
      // Who connects with it is told what is wrong with it.
      return {};
    }
  };
  const name = parameters.get('serverName') ?? host;
  return { ...file('ca'), ...file('cert'), ...file('key'), servername: isIP(name) === 0 ? name : '' };
}
