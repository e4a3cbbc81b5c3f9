import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { ask } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { eventually } from '../../support/servers/eventually.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

const T = 2_000;

let server: ZooKeeperServer;
const troupe = new Troupe(zookeeper);
const others: { server: Server; sockets: Set<Socket> }[] = [];
beforeAll(async () => {
  server = await startZooKeeper({ tickTimeMs: 500 });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await troupe.clear();
  for (const other of others.splice(0)) {
    for (const socket of other.sockets) socket.destroy();
    other.server.close();
  }
  await server.start();
});
afterAll(() => server.close());

/** Listens beside the server: on the same port of another address of this machine. */
async function listenBeside(address: string, onSocket: (socket: Socket) => void): Promise<() => number> {
  let accepted = 0;
  const sockets = new Set<Socket>();
  const other = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  others.push({ server: other, sockets });
  other.listen(server.port, address);
  await once(other, 'listening');
  return () => accepted;
}

/** Resolves names of this spec's own; an empty list is a name that cannot be resolved. */
function resolve(names: Record<string, readonly string[]>): void {
  const real = dns.lookup;
  vi.spyOn(dns, 'lookup').mockImplementation(((
    host: string,
    options: { all?: boolean },
    done: (...args: unknown[]) => void,
  ) => {
    const addresses = names[host]?.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (!addresses) return real(host, options as never, done as never);
    setImmediate(() => {
      if (addresses.length === 0) return done(new Error(`getaddrinfo ENOTFOUND ${host}`));
      if (options.all) done(null, addresses);
      else done(null, addresses[0]!.address, addresses[0]!.family);
    });
  }) as never);
}

describe('one name with several addresses', () => {
  it.each([
    ['accepts and is silent', (): void => undefined],
    ['accepts and closes', (socket: Socket): void => void socket.destroy()],
  ])('is left for the next address where one %s, by every client', async (_, behave) => {
    const accepted = await listenBeside('127.0.0.2', behave);
    resolve({ 'zk.test': ['127.0.0.2', '127.0.0.1'] });
    const probes = Array.from({ length: 8 }, () => troupe.follow(`zk.test:${server.port}`, { sessionTimeoutMs: T }));
    await Promise.all(probes.map((probe) => probe.session()));
    // Half of them began with the other one: that none of eight does is less likely than one in two hundred.
    expect(accepted()).toBeGreaterThan(0);
    expect(accepted()).toBeLessThanOrEqual(8);
  });

  it('is connected to in one attempt where an address of the other kind refuses', async () => {
    resolve({ 'zk.test': ['::1', '127.0.0.1'] });
    const probes = Array.from({ length: 8 }, () => troupe.follow(`zk.test:${server.port}`));
    await Promise.all(probes.map((probe) => probe.session()));
    for (const { statuses } of probes) expect(statuses).toEqual(['connecting', 'connected']);
  });
});

describe('a name', () => {
  it('that is resolved to another address later is followed there, and the session goes along', async () => {
    const names: Record<string, readonly string[]> = { 'zk.test': [] };
    resolve(names);
    const probe = troupe.follow(`zk.test:${server.port}`);
    await eventually(() => expect(probe.state).toMatchObject({ status: 'connecting', attempt: 3 }));
    expect(String((await probe.reaches('connecting', 1)).cause)).toContain('zk.test');
    names['zk.test'] = ['127.0.0.2'];
    await eventually(() => expect(String((probe.state as { cause?: unknown }).cause)).toContain('ECONNREFUSED'));
    names['zk.test'] = ['127.0.0.1'];
    const session = await probe.session();
    // No name server any more: the last address is as good as before.
    names['zk.test'] = [];
    await server.restart();
    await probe.reaches('suspended');
    await eventually(() => probe.state?.status === 'connected');
    expect(await probe.session()).toBe(session);
  });
});

describe('a server that is behind what we have seen', () => {
  it('is not connected to because the others are down, also after the session is over', async () => {
    const seen: bigint[] = [];
    await listenBeside('127.0.0.2', (socket) => {
      socket.once('data', (request: Buffer) => {
        // The length, the version of the protocol, and the last transaction that the client has seen.
        seen.push(request.readBigInt64BE(8));
        socket.end();
      });
    });
    const probe = troupe.follow(`127.0.0.2:${server.port},127.0.0.1:${server.port}`, { sessionTimeoutMs: T });
    const session = await probe.session();
    await ask(session.create('/seen'));
    seen.length = 0;
    await server.kill();
    await probe.reaches('lost');
    const lostAt = performance.now();
    const { length } = seen;
    await eventually(() => performance.now() - lostAt > T / 2);
    expect(seen.length).toBeGreaterThan(length);
    expect(seen.filter((zxid) => zxid === 0n)).toEqual([]);
    await server.start();
    await eventually(() => probe.state?.status === 'connected');
    expect(await probe.session()).toBe(session);
  });
});
