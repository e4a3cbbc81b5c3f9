import { createRequire } from 'node:module';
import { networkInterfaces } from 'node:os';
import nodeZooKeeper from 'node-zookeeper-client';
import { map, mergeMap } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openClient, type ZkClient } from '../../../lib/backends/zookeeper/client.js';
import { whileConnected } from '../../../lib/connection/index.js';
import type { RegistryNode } from '../../../lib/port/index.js';
import { ask, bytes, foldDirectory, Recorder, refusalOf, SOON_MS, text } from '../../contract/probe.js';
import { startTamperingRelay } from '../../contract/tamperingRelay.js';
import { type Player, Troupe } from '../../contract/troupe.js';
import { expireAt } from '../../contract/zookeeperWorld.js';
import { eventually } from '../../support/servers/eventually.js';
import { connectRawZooKeeper, type RawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

let server: ZooKeeperServer;
let raw: RawZooKeeper;
const troupe = new Troupe();
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

describe('trap 9: what is asked right after connecting', () => {
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

describe('trap 10: an answer that is lost', () => {
  it('leaves a node that can be told as one’s own', async () => {
    const player = await troupe.join(server.port);
    const { proxy, session } = player;
    await ask(session.makeDirectory('/lost-answers'));
    proxy.cutAfter(0, 'toClient');
    expect(await refusalOf(session.create('/lost-answers/a', { ephemeral: true }))).toBe('CONNECTION_LOST');
    await resumed(player);
    expect(await ask(session.read('/lost-answers/a'))).toMatchObject({ owner: session.id });
    expect(await refusalOf(session.create('/lost-answers/a', { ephemeral: true }))).toBe('NODE_EXISTS');
  });

  it('never makes a second node of a sequential one', async () => {
    const player = await troupe.join(server.port);
    const { proxy, session } = player;
    await ask(session.makeDirectory('/lost-sequence'));
    proxy.cutAfter(0, 'toClient');
    expect(await refusalOf(session.create('/lost-sequence/n-', { sequential: true }))).toBe('CONNECTION_LOST');
    await resumed(player);
    expect(await ask(session.list('/lost-sequence'))).toHaveLength(1);
  });

  it('never writes or removes a second time', async () => {
    const player = await troupe.join(server.port);
    const { proxy, session } = player;
    await ask(session.create('/lost-write', { data: bytes('0') }));
    proxy.cutAfter(0, 'toClient');
    expect(await refusalOf(session.write('/lost-write', bytes('1')))).toBe('CONNECTION_LOST');
    await resumed(player);
    expect(await raw.stat('/lost-write')).toMatchObject({ version: 1 });
  });
});

describe('trap 11: a node of a dying session', () => {
  it('is taken over by the one who comes after it, and outlives the old session', async () => {
    const dying = await troupe.join(server.port, { sessionTimeoutMs: 2_000 });
    const successor = await troupe.join(server.port);
    await ask(dying.session.create('/restarted/provider', { ephemeral: true }));
    dying.proxy.blackHole();
    expect(await refusalOf(successor.session.create('/restarted/provider', { ephemeral: true }))).toBe('NODE_EXISTS');
    const found = await ask(successor.session.read('/restarted/provider'));
    expect(found).toMatchObject({ owner: dying.session.id });
    using seen = new Recorder(successor.session.watchDirectory('/restarted'));
    await ask(successor.session.takeOver(found!, { ephemeral: true }));
    await expireAt(server, dying.session);
    await ask(successor.session.create('/restarted/witness'));
    await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['provider', 'witness']));
    expect([...foldDirectory(seen.values).gone]).toEqual([]);
    expect(await raw.stat('/restarted/provider')).toMatchObject({ ephemeralOwner: successor.session.id });
  });
});

describe('trap 12: data version 0', () => {
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

describe('trap 16: a directory beyond what others can read', () => {
  it('is read and watched by us, and the backend says where the others’ limit is', async () => {
    const { probe, session } = await troupe.join(server.port);
    const names = Array.from({ length: 4_400 }, (_, index) => String(index).padStart(250, 'd'));
    await Promise.all(names.map((name) => ask(session.create(`/large/${name}`))));
    expect(await ask(session.list('/large'))).toHaveLength(4_400);
    using seen = new Recorder(session.watchDirectory('/large'));
    await eventually(() => seen.values.length === 1);
    await ask(session.remove(`/large/${names[0]}`));
    await eventually(() => expect(foldDirectory(seen.values).names).toHaveLength(4_399));
    expect(probe.backend.largeDirectoryBytes).toBeLessThan(1_048_575);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  // Trap 3 wants a large answer, and there it is.
  it.each([2, 4, 30, 10_000, 900_000])(
    'trap 3: costs nothing but the call when its list is cut off after %i bytes',
    async (length) => {
      const player = await troupe.join(server.port);
      const { proxy, probe, session } = player;
      const node = await ask(session.create('/cut-within', { ephemeral: true }));
      proxy.cutAfter(length, 'toClient');
      expect(await refusalOf(session.list('/large'))).toBe('CONNECTION_LOST');
      await resumed(player);
      expect(await ask(session.list('/large'))).toHaveLength(4_399);
      expect(await ask(session.read('/cut-within'))).toEqual(node);
      expect(probe.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
      expect(proxy.accepted).toBe(2);
    },
  );
});

describe('trap 17: a request that the server would drop the connection for', () => {
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

describe('trap 18: one-shot watches', () => {
  it('see the last of three thousand changes', async () => {
    const { session } = await troupe.join(server.port);
    await raw.create('/coalesced');
    using directory = new Recorder(session.watchDirectory('/coalesced'));
    using node = new Recorder(session.watchNode('/coalesced'));
    await eventually(() => directory.values.length === 1 && node.values.length === 1);
    const changes: Promise<unknown>[] = [];
    for (let index = 0; index < 1_000; index += 1) {
      changes.push(raw.create(`/coalesced/${index}`));
      if (index >= 10) changes.push(raw.remove(`/coalesced/${index - 10}`));
      changes.push(raw.setData('/coalesced', `${index}`));
    }
    await Promise.all(changes);
    await eventually(() => expect(text(node.last?.data)).toBe('999'));
    await eventually(async () =>
      expect(foldDirectory(directory.values).names).toEqual(await raw.children('/coalesced')),
    );
  });

  it('on a node that came and went during a cut see it come the next time', async () => {
    const player = await troupe.join(server.port);
    const { proxy, probe } = player;
    const names: (string | undefined)[] = [];
    using seen = new Recorder(
      probe.backend.states.pipe(
        whileConnected((session) => session.watchNode('/came-and-went')),
        map((node) => names.push(text(node?.data))),
      ),
    );
    await eventually(() => expect(names).toEqual([undefined]));
    proxy.cut();
    await probe.reaches('suspended');
    await raw.create('/came-and-went', { data: 'unseen' });
    await raw.remove('/came-and-went');
    proxy.heal();
    await eventually(() => expect(names).toEqual([undefined, undefined]), { withinMs: SOON_MS });
    await raw.create('/came-and-went', { data: 'seen' });
    await eventually(() => expect(names).toEqual([undefined, undefined, 'seen']));
    expect(seen.error).toBeUndefined();
  });

  it('miss nothing that happens between a firing and the next reading', async () => {
    const { session } = await troupe.join(server.port);
    using seen = new Recorder(session.watchNode('/flapping'));
    for (let round = 0; round < 200; round += 1) {
      await raw.create('/flapping', { data: `${round}` });
      if (round < 199) await raw.remove('/flapping');
    }
    await eventually(() => expect(text(seen.last?.data)).toBe('199'));
  });
});

describe('trap 19: what an address and a mode can be', () => {
  it('a chroot that is missing is made, and everything lies below it', async () => {
    const probe = troupe.follow(`${server.address}/deep/chroot`);
    const session = await probe.session();
    expect(await ask(session.list('/'))).toEqual([]);
    expect(await ask(session.read('/'))).toBeUndefined();
    using seen = new Recorder(session.watchDirectory('/'));
    await eventually(() => seen.values.length === 1);
    const node = await ask(session.create('/a', { ephemeral: true, data: bytes('x') }));
    expect(node.path).toBe('/a');
    expect(await raw.stat('/deep/chroot/a')).toMatchObject({ ephemeralOwner: session.id });
    expect(await raw.stat('/a')).toBeNull();
    await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['a']));
    expect(await ask(session.list('/'))).toEqual(['a']);
    expect(await ask(session.read('/'))).toMatchObject({ path: '/' });
    const taken = await ask(session.takeOver(node, { ephemeral: true }));
    expect(taken.path).toBe('/a');
    const numbered = await ask(session.create('/n-', { sequential: true }));
    expect(numbered.path).toMatch(/^\/n-\d{10}$/);
    await ask(session.makeDirectory('/'));
    await raw.create('/deep/chroot/by-hand');
    await eventually(() => expect(foldDirectory(seen.values).names).toContain('by-hand'));
    expect(await ask(session.remove('/a', { owner: session.id }))).toBe(true);
  });

  it('an address of IPv6 is one', async () => {
    // Where a machine has none, a name is the nearest thing that the bare client would have to resolve.
    const loopback = hasIpv6Loopback() ? '::1' : 'localhost';
    await using relay = await startTamperingRelay(server.port, loopback);
    const session = await troupe.follow(relay.address).session();
    expect(await ask(session.list('/'))).toContain('zookeeper');
    expect(relay.accepted).toBeGreaterThan(0);
  });

  it('every mode makes what it says', async () => {
    const { session } = await troupe.join(server.port);
    for (const ephemeral of [false, true]) {
      for (const sequential of [false, true]) {
        const { path } = await ask(session.create('/modes/deep/n-', { ephemeral, sequential }));
        expect(await raw.stat(path)).toMatchObject({ ephemeralOwner: ephemeral ? session.id : '0x0' });
        expect(path).toMatch(sequential ? /n-\d{10}$/ : /n-$/);
        if (!sequential) await ask(session.remove(path));
      }
    }
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
