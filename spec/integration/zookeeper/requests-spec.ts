import { createRequire } from 'node:module';
import { networkInterfaces } from 'node:os';
import nodeZooKeeper from 'node-zookeeper-client';
import { map, mergeMap } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { openClient, type ZkClient } from '../../../lib/backends/zookeeper/client.js';
import { whileConnected } from '../../../lib/connection/index.js';
import type { RegistryNode } from '../../../lib/port/index.js';
import { ask, bytes, Recorder, refusalOf, SOON_MS, text } from '../../contract/probe.js';
import { startTamperingRelay } from '../../contract/tamperingRelay.js';
import { type Player, Troupe } from '../../contract/troupe.js';
import { eventually } from '../../support/servers/eventually.js';
import { connectRawZooKeeper, type RawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

let server: ZooKeeperServer;
let raw: RawZooKeeper;
const troupe = new Troupe(zookeeper);
beforeAll(async () => {
  server = await startZooKeeper({ tickTimeMs: 500 });
  raw = await connectRawZooKeeper(server.port);
});
afterEach(() => troupe.clear());
afterAll(async () => {
  await raw.close();
  await server.close();
});

async function resumed({ probe }: Player): Promise<void> {
  await probe.reaches('suspended');
  await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
}

describe('what is asked right after connecting', () => {
  const credentials = { username: 'ana', password: 'p:w' };

  it('comes after the credentials, on the first connection and on every one after it', async () => {
    const proxy = await troupe.proxy(server.port);
    const probe = troupe.follow(proxy.address, credentials);
    const answers: string[] = [];
    let made = false;
    const work = probe.backend.states.pipe(
      // Asked in the very call that tells of the connection.
      whileConnected((session) => {
        const create = session.create('/private/secret', { data: bytes('s') });
        const first = made ? session.read('/private/secret') : create;
        made = true;
        return first.pipe(mergeMap(() => session.read('/private/secret')));
      }),
    );
    using seen = new Recorder(work.pipe(map((node) => answers.push(text(node?.data) ?? 'absent'))));
    await eventually(() => expect(answers).toHaveLength(1));
    for (let round = 2; round <= 10; round += 1) {
      proxy.dropConnections();
      await eventually(() => expect(answers).toHaveLength(round), { withinMs: SOON_MS });
    }
    expect(seen.error).toBeUndefined();
    expect(new Set(answers)).toEqual(new Set(['s']));
    await expect(raw.data('/private/secret')).rejects.toMatchObject({ name: 'NO_AUTH' });
  });

  it('is refused to whoever has other credentials or none', async () => {
    const owner = troupe.follow(server.address, credentials);
    const node = await ask((await owner.session()).create('/mine-only/node', { ephemeral: true }));
    for (const options of [{}, { username: 'ana', password: 'other' }]) {
      const session = await troupe.follow(server.address, options).session();
      expect(await refusalOf(session.read(node.path))).toBe('NOT_AUTHORIZED');
      expect(await refusalOf(session.write(node.path, bytes('x')))).toBe('NOT_AUTHORIZED');
      expect(await refusalOf(session.create('/mine-only/other'))).toBe('NOT_AUTHORIZED');
      expect(await refusalOf(session.watchNode(node.path))).toBe('NOT_AUTHORIZED');
    }
  });

  it('ends in NOT_AUTHORIZED for good where the server takes no such credentials', async () => {
    await using relay = await startTamperingRelay(server.port);
    // As a server answers to a scheme it does not know: its answer to AUTH, of xid -4, is AUTH_FAILED.
    relay.tampering = (packet, isHandshake) => {
      if (!isHandshake && packet.readInt32BE(4) === -4) packet.writeInt32BE(-115, 16);
      return packet;
    };
    const probe = troupe.follow(relay.address, credentials);
    await eventually(() => expect(probe.error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
    const { accepted } = relay;
    expect(accepted).toBe(1);
    relay.tampering = undefined;
  });

  it('ends in NOT_AUTHORIZED for a scheme that a real server does not know', async () => {
    let error: unknown;
    const options = { host: '127.0.0.1', port: server.port, sessionTimeoutMs: 4_000, acl: OPEN };
    const client = openClient({ ...options, auth: [{ scheme: 'nonsense', credentials: 'x' }] });
    const subscription = client.subscribe({ error: (reason: unknown) => (error = reason) });
    await eventually(() => expect(error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
    subscription.unsubscribe();
  });
});

describe('data version 0', () => {
  it('is a condition like any other', async () => {
    const client = await bareClient();
    await raw.create('/version-0/a', { data: '0', parents: true });
    const fresh = await raw.stat('/version-0/a');
    expect(fresh).toMatchObject({ version: 0 });
    await raw.setData('/version-0/a', '1');
    expect(await refusalOf(client.zk.replace('/version-0/a', 0, { data: bytes('x') }))).toBe('CONFLICT');
    expect(await refusalOf(client.zk.remove('/version-0/a', 0))).toBe('CONFLICT');
    expect(await refusalOf(client.zk.setData('/version-0/a', bytes('x'), 0))).toBe('CONFLICT');
    expect((await raw.data('/version-0/a')).toString()).toBe('1');
    client.close();
  });

  it('is not what a node has that was taken over from one who had it', async () => {
    const { session } = await troupe.join(server.port);
    let node: RegistryNode = await ask(session.create('/version-0/b'));
    for (let round = 0; round < 12; round += 1) {
      const before = await raw.stat('/version-0/b');
      node = await ask(session.takeOver(node));
      const after = await raw.stat('/version-0/b');
      // A removal that its sender still thinks right must not meet the new node.
      expect(after?.version).not.toBe(before?.version);
    }
  });
});

describe('a directory beyond what others can read', () => {
  it('is one where the backend says that the others’ limit is', () => {
    const { largeDirectoryBytes } = zookeeper(server.address);
    expect(largeDirectoryBytes).toBeGreaterThan(500_000);
    expect(largeDirectoryBytes).toBeLessThan(1_048_575);
  });
});

describe('a request that the server would drop the connection for', () => {
  it('is refused here, alone, and the connection lives', async () => {
    const { proxy, probe, session } = await troupe.join(server.port);
    const node = await ask(session.create('/sized'));
    const beside = Array.from({ length: 100 }, () => ask(session.read('/sized')));
    const tooLarge = new Uint8Array(1_048_576);
    expect(await refusalOf(session.create('/too-large', { data: tooLarge }))).toBe('TOO_LARGE');
    expect(await refusalOf(session.write('/sized', tooLarge))).toBe('TOO_LARGE');
    expect(await refusalOf(session.takeOver(node, { data: tooLarge }))).toBe('TOO_LARGE');
    expect(await refusalOf(session.read(`/${'x'.repeat(1_048_576)}`))).toBe('TOO_LARGE');
    expect(await Promise.all(beside)).toHaveLength(100);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
  });

  it('is not confused with one that just fits', async () => {
    const { probe, session } = await troupe.join(server.port);
    const data = new Uint8Array(990_000).fill(1);
    const node = await ask(session.create('/fits', { data }));
    await ask(session.write('/fits', data));
    expect((await ask(session.read('/fits')))?.data).toHaveLength(990_000);
    let taken = await ask(session.takeOver((await ask(session.read('/fits')))!, { data }));
    for (let round = 0; round < 8; round += 1) taken = await ask(session.takeOver(taken, { data }));
    expect(taken.version).toBeGreaterThan(node.version);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });
});

describe('what an address and a mode can be', () => {
  it('a chroot that is missing is not there before it is needed', async () => {
    const session = await troupe.follow(`${server.address}/missing/chroot`).session();
    expect(await ask(session.read('/'))).toBeUndefined();
    expect(await ask(session.list('/'))).toEqual([]);
    expect(await raw.stat('/missing')).toBeNull();
    await ask(session.makeDirectory('/'));
    expect(await raw.stat('/missing/chroot')).not.toBeNull();
    expect(await ask(session.read('/'))).toMatchObject({ path: '/' });
  });

  it('an address of IPv6 is one', async () => {
    // Where a machine has none, a name is the nearest thing that the bare client would have to resolve.
    const loopback = hasIpv6Loopback() ? '::1' : 'localhost';
    await using relay = await startTamperingRelay(server.port, loopback);
    const session = await troupe.follow(relay.address).session();
    expect(await ask(session.list('/'))).toContain('zookeeper');
    expect(relay.accepted).toBeGreaterThan(0);
  });

  it('the transaction id of a connection may run out: another connection takes the session on', async () => {
    const require = createRequire(import.meta.url);
    const { prototype } = require('node-zookeeper-client/lib/ConnectionManager.js') as {
      prototype: { connect: (this: { xid: number }) => void };
    };
    const managers: { xid: number }[] = [];
    const original = prototype.connect;
    const connects = vi.spyOn(prototype, 'connect').mockImplementation(function (this: { xid: number }) {
      managers.push(this);
      original.call(this);
    });
    const player = await troupe.join(server.port, { sessionTimeoutMs: 4_000 });
    const { probe, session } = player;
    managers[0]!.xid = 2_147_483_640;
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => ask(session.read('/'))));
    expect(answers.some((answer) => answer.status === 'rejected')).toBe(true);
    await resumed(player);
    expect(await probe.session()).toBe(session);
    expect(await Promise.all(Array.from({ length: 20 }, () => ask(session.read('/'))))).toHaveLength(20);
    connects.mockRestore();
  });
});

const { ACL, Id } = nodeZooKeeper;
const OPEN = [new ACL(31, new Id('world', 'anyone'))];

async function bareClient(): Promise<{ zk: ZkClient; close: () => void }> {
  let zk: ZkClient | undefined;
  const options = { host: '127.0.0.1', port: server.port, sessionTimeoutMs: 4_000, auth: [], acl: OPEN };
  const subscription = openClient(options).subscribe((client) => (zk = client));
  return { zk: await eventually(() => zk ?? null), close: () => subscription.unsubscribe() };
}

function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
}
