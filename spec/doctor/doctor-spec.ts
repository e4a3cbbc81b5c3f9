import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memoryServer } from '../../lib/backends/memory/index.js';
import { diagnose, type Diagnosis, type FindingId, FINDINGS } from '../../lib/doctor/index.js';
import { judgeServers } from '../../lib/doctor/servers.js';
import { isFrom, TESTED_LINES } from '../../lib/doctor/testedVersions.js';
import { parseRegistryAddress } from '../../lib/dubbo/index.js';
import { createRegistry } from '../../lib/index.js';
import { FakeTerminal } from '../cli/support/fakeTerminal.js';

let count = 0;

/** Examines a registry in memory in which somebody has made nodes by hand: providers, unless they say otherwise. */
async function examine(urls: readonly string[], options: { dial?: boolean; write?: boolean } = {}): Promise<Diagnosis> {
  const target = `memory://doctor-${(count += 1)}`;
  const server = memoryServer(`doctor-${count}`);
  for (const url of urls) {
    const category = url.startsWith('consumer:') ? 'consumers' : 'providers';
    server.create(`/dubbo/com.acme.Users/${category}/${encodeURIComponent(url)}`);
  }
  const registry = createRegistry(target);
  onTestFinished(() => registry.close());
  return diagnose({ address: parseRegistryAddress(target), registry, timeoutMs: 10_000, ...options });
}

const idsOf = ({ findings }: Diagnosis): FindingId[] => findings.map(({ id }) => id).sort();

/** A provider of which there is nothing to say. */
const FINE = 'dubbo://10.0.0.1:20880/com.acme.Users?application=users&dynamic=false';

describe('the doctor, of what is registered', () => {
  it('finds nothing where nothing is wrong', async () => {
    const { facts, findings } = await examine([FINE, 'consumer://10.0.0.9/com.acme.Users?application=shop']);
    expect(findings).toEqual([]);
    expect(facts).toMatchObject({
      session: { askedMs: 30_000, grantedMs: 30_000 },
      contents: { services: 1, providers: 1, consumers: 1 },
    });
  });

  const future = Date.now() + 3_600_000;
  it.each<[FindingId, string[]]>([
    ['UNREADABLE_NODE', ['no service at all']],
    ['DUPLICATE_INSTANCE', [`${FINE}&pid=1&timestamp=1`, `${FINE}&pid=2&timestamp=2`]],
    ['WEIGHT_ZERO', [`${FINE}&weight=0`]],
    ['WEIGHT_UNREADABLE', [`${FINE}&weight=heavy`]],
    ['APPLICATION_MISSING', ['dubbo://10.0.0.1:20880/com.acme.Users?dynamic=false']],
    ['TIMESTAMP_IN_FUTURE', [`${FINE}&timestamp=${future}`]],
    ['PERSISTENT_PROVIDER', ['dubbo://10.0.0.1:20880/com.acme.Users?application=users']],
    ['NO_PROVIDER', ['consumer://10.0.0.9/com.acme.Users?application=shop']],
  ])('finds %s', async (id, urls) => {
    const diagnosis = await examine(urls);
    expect(idsOf(diagnosis)).toEqual([id]);
    const [finding] = diagnosis.findings;
    expect(finding).toMatchObject({ ...FINDINGS[id], count: 1 });
    expect(finding!.spots[0]!.where).not.toBe('');
  });

  it('has each finding in the guide, with its severity', () => {
    const guide = readFileSync('docs/guides/observability.md', 'utf8');
    const rows = [...guide.matchAll(/^\| (`[A-Z_`, ]+`) +\| (\w+) +\|/gm)];
    const explained = rows.flatMap(([, ids, severity]) =>
      [...ids!.matchAll(/[A-Z_]+/g)].map(([id]) => [id, severity] as const),
    );
    const known = Object.entries(FINDINGS).map(([id, { severity }]) => [id, severity] as const);
    expect(new Map(explained)).toEqual(new Map(known));
  });

  it('counts what is found often, and names the first places', async () => {
    const { findings } = await examine(
      Array.from({ length: 30 }, (_, at) => `${FINE.replace('.1:', `.${at}:`)}&weight=0`),
    );
    expect(findings).toMatchObject([{ id: 'WEIGHT_ZERO', count: 30 }]);
    expect(findings[0]!.spots).toHaveLength(10);
  });

  it('shows no password', async () => {
    const diagnosis = await examine([
      'dubbo://app:hunter2@10.0.0.1:1/com.acme.Users?password=hunter2&weight=0',
      'a://b:hunter2@:x',
    ]);
    expect(diagnosis.findings.length).toBeGreaterThan(1);
    expect(JSON.stringify(diagnosis)).not.toContain('hunter2');
  });

  it('connects to the port of each provider, if asked to', async () => {
    const there = await listening((socket) => socket.end());
    const gone = await listening(() => undefined);
    gone.close();
    await once(gone, 'close');
    const at = (server: number): string => FINE.replace('10.0.0.1:20880', `127.0.0.1:${server}`);
    const goneAt = ports.get(gone)!;
    const urls = [at(ports.get(there)!), at(goneAt)];
    expect(idsOf(await examine(urls))).toEqual([]);
    const { findings } = await examine(urls, { dial: true });
    expect(findings).toMatchObject([{ id: 'PROVIDER_UNREACHABLE', count: 1 }]);
    expect(findings[0]!.spots[0]!.where).toContain(`127.0.0.1:${goneAt}`);
  });

  it('tries to write, if asked to, and leaves nothing behind', async () => {
    await examine([FINE], { write: true });
    const server = memoryServer(`doctor-${count}`);
    const node = `/dubbo/com.acme.Users/providers/${encodeURIComponent(FINE)}`;
    expect(server.paths.filter((path) => !node.startsWith(path))).toEqual([]);
  });

  it('exits with 3 for what must be mended, and with --strict for warnings', async () => {
    const name = `doctor-${(count += 1)}`;
    memoryServer(name).create(`/dubbo/com.acme.Users/providers/${encodeURIComponent(FINE)}`);
    const run = async (...args: string[]): Promise<[number, string]> => {
      const terminal = new FakeTerminal();
      return [await terminal.run('doctor', '--registry', `memory://${name}`, ...args), terminal.out];
    };
    expect(await run()).toEqual([0, expect.stringContaining('Nothing is wrong.')]);
    memoryServer(name).create('/dubbo/com.acme.Users/providers/garbage');
    const [code, out] = await run();
    expect(code).toBe(0);
    expect(out).toContain(FINDINGS.UNREADABLE_NODE.advice);
    expect((await run('--strict'))[0]).toBe(3);
    const [unreachable, json] = await runOn('etcd://127.0.0.1:1');
    expect(unreachable).toBe(3);
    expect(json.at(-1)).toMatchObject({ type: 'verdict', errors: 2 });
  });
});

async function runOn(address: string): Promise<[number, Record<string, unknown>[]]> {
  const terminal = new FakeTerminal();
  return [await terminal.run('doctor', '--json', '--timeout', '100', '--registry', address), terminal.records];
}

/** The ports of servers that may be gone. */
const ports = new WeakMap<Server, number>();

async function listening(answer: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    answer(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports.set(server, (server.address() as AddressInfo).port);
  onTestFinished(() => void server.close());
  return server;
}

describe('the doctor, of servers', () => {
  it('knows the lines that docs/versions.json says are tested', () => {
    const versions = JSON.parse(readFileSync('docs/versions.json', 'utf8')) as Record<string, Record<string, unknown>>;
    const lines = Object.entries(versions).map(([kind, byVersion]) => [
      kind.toLowerCase(),
      [...new Set(Object.keys(byVersion).map((version) => version.split('.').slice(0, 2).join('.')))].sort(),
    ]);
    expect(Object.fromEntries(lines)).toEqual(TESTED_LINES);
  });

  it('compares versions as numbers', () => {
    expect([isFrom('3.10.0', '3.6'), isFrom('3.6.4', '3.6'), isFrom('3.5.10', '3.6'), isFrom('4.0.0', '3.6')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('finds a server of a version that is not tested, and one that tells none', async () => {
    const future = await listening((socket) => socket.end('Zookeeper version: 4.1.0-x, built on now\n'));
    const mute = await listening((socket) => socket.destroy());
    const address = parseRegistryAddress(`zookeeper://127.0.0.1:${ports.get(future)},127.0.0.1:${ports.get(mute)}`);
    const { spots, facts } = await judgeServers(address, TESTED_LINES, 1_000);
    expect(spots.map(({ id }) => id)).toEqual(['VERSION_UNTESTED', 'VERSION_UNKNOWN']);
    expect(facts).toMatchObject([{ version: '4.1.0', watches: 'persistent recursive' }, {}]);
  });
});
