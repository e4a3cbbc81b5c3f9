import { firstValueFrom, forkJoin } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import type { RegistryNode, Session } from '../../../lib/port/index.js';
import { ask, foldDirectory, refusalOf, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { EtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { belongsTo, throughout } from '../../support/scenario/judge.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { Stage } from '../../support/scenario/stage.js';
import { startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import type { RawEtcd } from '../../support/servers/rawEtcd.js';
import { followDirectory } from './support/follow.js';
import { type GrpcRelay, startGrpcRelay, type Verdict } from './support/grpcRelay.js';
import { numbers } from './support/inSlices.js';

let server: EtcdRegistry;
let raw: RawEtcd;
let relay: GrpcRelay;
let stage: Stage;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = new EtcdRegistry(await startEtcd());
  raw = server.raw;
  relay = await startGrpcRelay(server);
  stage = new Stage(server);
});
afterEach(async () => {
  relay.onAnswer = undefined;
  relay.release();
  await stage.clear();
  await troupe.clear();
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await server.close();
});

/** Makes nodes that go with the session, at once. */
function createAll(session: Session, paths: readonly string[]): Promise<RegistryNode[]> {
  return firstValueFrom(forkJoin(paths.map((path) => session.create(path, { ephemeral: true }))));
}

/** Keeps this process from doing anything else. */
function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** How many keys each lease holds, in the order of the leases' granting. */
function keysOf(session: Session): Promise<number[]> {
  return Promise.all(server.ownersOf(session).map(async (lease) => (await raw.lease(lease))?.keys.length ?? 0));
}

describe('a process that stands still for longer than its session lasts', () => {
  it('no ghost: goes on with one loop that keeps its leases, and what it closes stays closed', async () => {
    const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 1_000 });
    await ask(session.create('/stalled/a', { ephemeral: true }));
    proxy.dropConnections();
    standStill(1_300);
    await eventually(() => probe.statuses.length > 2);
    await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    const last = await probe.session();
    const owners = server.ownersOf(last);
    await ask(last.create('/stalled/b', { ephemeral: true }));
    await eventually(async () => expect(await raw.openCalls('LeaseKeepAlive')).toBe(1));

    await probe.backend.close();
    expect(await raw.get('/stalled/b')).toBeUndefined();
    await throughout(1_000, async () => {
      expect(await raw.openCalls('LeaseKeepAlive')).toBe(0);
      expect(await raw.leases()).not.toEqual(expect.arrayContaining([...owners]));
    });
  });

  it('bounded load: asks once every sixth of the session timeout, however often it was cut off', async () => {
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: 1_000 });
    await probe.session();
    for (const round of numbers(5)) {
      relay.break();
      await eventually(() => expect(probe.statuses).toHaveLength(4 + 2 * round), { withinMs: SOON_MS });
    }
    const asked = () =>
      relay.calls
        .filter(({ method }) => method === 'LeaseKeepAlive')
        .reduce((sum, { requests }) => sum + requests.length, 0);
    const [before, since] = [asked(), performance.now()];
    await eventually(() => asked() >= before + 6);
    // Two loops would be there in half the time.
    expect(performance.now() - since).toBeGreaterThan(700);
  });
});

describe('how a session ends', () => {
  it('liveness: by our clock, one session timeout after the last answered word, and only once', async () => {
    const T = 2_000;
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: T });
    const session = await probe.session();
    const node = await ask(session.create('/unheard', { ephemeral: true }));
    await eventually(() =>
      relay.calls.some(({ method, requests }) => method === 'LeaseKeepAlive' && requests.length > 1),
    );
    // The server hears us, on whatever connection, but we do not hear that it does.
    relay.onAnswer = (_, { method }) => (method === 'LeaseKeepAlive' ? 'lose' : 'pass');
    const since = performance.now();
    expect(await probe.reaches('suspended')).toMatchObject({ session, cause: { code: 'TIMEOUT' } });
    expect(performance.now() - since).toBeLessThan((T * 5) / 12 + SLACK_MS);
    expect(await probe.reaches('lost')).toMatchObject({ confirmed: false });
    expect(performance.now() - since).toBeLessThan(T + SLACK_MS);
    await throughout(T / 2, () => expect(probe.statuses.filter((status) => status === 'lost')).toHaveLength(1));
    relay.onAnswer = undefined;
    await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    // It was kept all the time: nobody flaps.
    expect(await probe.session()).toBe(session);
    expect(await ask(session.read('/unheard'))).toEqual(node);
  });

  it('liveness: not by the clock on the wall', async () => {
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: 2_000 });
    await probe.session();
    try {
      for (const hours of [1, -1]) {
        let held = false;
        relay.onAnswer = (_, { method }): Verdict => {
          if (method !== 'LeaseKeepAlive') return 'pass';
          held = true;
          return 'hold';
        };
        await eventually(() => held, { everyMs: 1 });
        // It is set between a question and its answer.
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 });
        relay.onAnswer = undefined;
        relay.release();
        await throughout(200, () => expect(probe.statuses).toEqual(['connecting', 'connected']));
        if (hours > 0) vi.useRealTimers();
      }
      relay.onAnswer = (_, { method }) => (method === 'LeaseKeepAlive' ? 'lose' : 'pass');
      const since = performance.now();
      await probe.reaches('lost');
      expect(performance.now() - since).toBeLessThan(2_000 + SLACK_MS);
    } finally {
      vi.useRealTimers();
    }
  });

  it('no vanish: by somebody who revokes it, which is confirmed, and everything is written again', async () => {
    const provider = await stage.connect({ sessionMs: 2_000 });
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: 'lease.Revoked' });
    const registrations = numbers(20).map((index) => provider.register(`dubbo://a:${index + 1}/lease.Revoked`));
    const paths = await Promise.all(registrations.map((each) => each.registered()));
    await eventually(() => expect(view.addresses).toHaveLength(20));
    const old = await provider.connected();
    await server.expire(old);
    await eventually(() => provider.states.statuses.includes('lost'));
    const lost = provider.states.trace.find(({ state }) => state.status === 'lost')?.state;
    expect(lost).toMatchObject({ confirmed: true, cause: { code: 'SESSION_EXPIRED' } });
    await eventually(async () => {
      const session = await provider.connected();
      expect(session).not.toBe(old);
      for (const path of paths) expect(await belongsTo(server, path, session)).toBe(true);
    });
    await eventually(() => expect(view.addresses).toHaveLength(20));
  });

  it('no vanish: one lease of several ends all, and those that others still hold are moved without a gap', async () => {
    const tuning = { keysPerLease: 10 };
    const { probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 2_000, tuning });
    const paths = numbers(30).map((index) => `/several/${index + 10}`);
    for (const from of [0, 10, 20]) await createAll(session, paths.slice(from, from + 10));
    const owners = server.ownersOf(session);
    expect(owners).toHaveLength(3);
    const { probe: witness } = await troupe.join(server.port);
    using seen = followDirectory(witness, '/several');
    await eventually(() => expect(foldDirectory(seen.values).names).toHaveLength(30));

    await raw.revoke(owners[1]!);
    expect(await probe.reaches('lost')).toMatchObject({ confirmed: true });
    const next = await probe.session(session);
    for (const path of paths) {
      const node = await ask(next.read(path));
      if (!node) await ask(next.create(path, { ephemeral: true }));
      else {
        expect(node.owner).not.toBe(next.id);
        await ask(next.takeOver(node, { ephemeral: true }));
      }
    }
    // The old leases, which nobody keeps any more, end without taking anything along.
    await eventually(async () => expect((await raw.leases()).filter((lease) => owners.includes(lease))).toEqual([]));
    for (const path of paths) expect(await belongsTo(server, path, next)).toBe(true);
    expect([...foldDirectory(seen.values).gone].sort()).toEqual(paths.slice(10, 20).map((path) => path.slice(9)));
    expect(foldDirectory(seen.values).names).toHaveLength(30);
  });

  it('no vanish: is noticed by the first write, long before the next word', async () => {
    const { probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 60_000 });
    await server.expire(session);
    const since = performance.now();
    expect(await refusalOf(session.create('/noticed', { ephemeral: true }))).toBe('SESSION_EXPIRED');
    expect(await probe.reaches('lost')).toMatchObject({ confirmed: true });
    const next = await probe.session(session);
    expect(performance.now() - since).toBeLessThan(SLACK_MS);
    await ask(next.create('/noticed', { ephemeral: true }));
    expect(await belongsTo(server, '/noticed', next)).toBe(true);
  });
});

describe('what the server grants', () => {
  it('liveness: is what counts, not what was asked for', async () => {
    const slow = new EtcdRegistry(await startEtcd({ flags: { 'heartbeat-interval': 100, 'election-timeout': 2_000 } }));
    try {
      const { proxy, probe, session } = await troupe.join(slow.port, { sessionTimeoutMs: 1_000 });
      expect(session.timeoutMs).toBe(3_000);
      const node = await ask(session.create('/granted', { ephemeral: true }));
      proxy.blackHole();
      const since = performance.now();
      // Longer than what was asked for, shorter than what was granted.
      await eventually(() => performance.now() - since > 1_500);
      expect(probe.statuses).not.toContain('lost');
      proxy.heal();
      await eventually(() => expect(probe.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']));
      expect(await ask((await probe.session()).read('/granted'))).toEqual(node);
    } finally {
      await slow.close();
    }
  });

  it('is in whole seconds, and never less than was asked for', async () => {
    for (const [asked, granted] of [
      [1_000, 1],
      [1_001, 2],
      [2_500, 3],
    ] as const) {
      const { session } = await troupe.join(server.port, { sessionTimeoutMs: asked });
      expect(session.timeoutMs).toBe(granted * 1_000);
      expect(await raw.lease(session.id)).toMatchObject({ granted });
    }
  });
});

describe('leases that hold many keys', () => {
  it('bounded load: hold a thousand each, and there are no more of them than it takes', async () => {
    const { probe, session } = await troupe.join(server.port);
    const paths = numbers(2_500).map((index) => `/thousands/${index}`);
    const made = await createAll(session, paths);
    expect(new Set(made.map(({ owner }) => owner))).toEqual(new Set([session.id]));
    expect(await keysOf(session)).toEqual([1_000, 1_000, 500]);
    await probe.backend.close();
    expect(await raw.range('/thousands/')).toEqual([]);
  });

  it('no vanish: are all kept alive, on one stream, and all of them end with the session', async () => {
    const options = { sessionTimeoutMs: 1_000, tuning: { keysPerLease: 5 } };
    const probe = troupe.follow(relay.address, options);
    const session = await probe.session();
    for (const batch of numbers(6))
      await createAll(
        session,
        numbers(5).map((index) => `/kept/${batch}-${index}`),
      );
    const owners = server.ownersOf(session);
    expect(await keysOf(session)).toEqual([5, 5, 5, 5, 5, 5]);
    await throughout(2_000, async () => expect(await raw.range('/kept/')).toHaveLength(30));
    relay.break();
    await eventually(() => expect(probe.statuses).toHaveLength(4), { withinMs: SOON_MS });
    await throughout(1_500, async () => expect(await raw.range('/kept/')).toHaveLength(30));
    expect(await probe.session()).toBe(session);
    expect(await raw.openCalls('LeaseKeepAlive')).toBe(1);
    await probe.backend.close();
    expect((await raw.leases()).filter((lease) => owners.includes(lease))).toEqual([]);
    expect(await raw.range('/kept/')).toEqual([]);
  });

  it('no leak: room that is given back is used again', async () => {
    const { session } = await troupe.join(server.port, { tuning: { keysPerLease: 10 } });
    const paths = numbers(10).map((index) => `/room/${index}`);
    for (const _ of numbers(20)) {
      const made = await createAll(session, paths);
      // None of these takes room: there is one already, and one is ours already.
      for (const path of paths.slice(0, 3))
        expect(await refusalOf(session.create(path, { ephemeral: true }))).toBe('NODE_EXISTS');
      await ask(session.takeOver(made[0]!, { ephemeral: true }));
      await Promise.all(paths.map((path) => ask(session.remove(path, { owner: session.id }))));
    }
    expect(server.ownersOf(session).length).toBeLessThanOrEqual(2);
    await createAll(session, paths);
    await Promise.all(paths.map((path) => raw.delete(path)));
    await createAll(session, paths);
    expect(server.ownersOf(session).length).toBeLessThanOrEqual(2);
  });

  it('single registration: a write to a node leaves it on the lease that it is on', async () => {
    const { session } = await troupe.join(server.port, { tuning: { keysPerLease: 1 } });
    const one = await ask(session.create('/on/one', { ephemeral: true }));
    const other = await ask(session.create('/on/other', { ephemeral: true }));
    const owner = (await raw.get('/on/one'))?.lease;
    expect((await raw.get('/on/other'))?.lease).not.toBe(owner);
    await ask(session.write('/on/one', Buffer.from('x'), { version: one.version }));
    expect(await raw.get('/on/one')).toMatchObject({ lease: owner });
    expect(await ask(session.remove('/on/one', { owner: session.id }))).toBe(true);
    expect(await ask(session.read('/on/other'))).toEqual(other);
  });
});
