import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, Recorder } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { EtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { throughout } from '../../support/scenario/judge.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { follow } from './support/follow.js';
import { type GrpcRelay, startGrpcRelay, type Verdict } from './support/grpcRelay.js';
import { numbers } from './support/inSlices.js';

/** The session timeout. */
const T = 3_000;

let server: EtcdServer;
/** A member that may stall, as far as one can see from outside. */
let relay: GrpcRelay;
let stage: Stage;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = await startEtcd();
  relay = await startGrpcRelay(server);
  stage = new Stage(new EtcdRegistry(server));
});
afterEach(async () => {
  relay.onAnswer = undefined;
  relay.delayMs = undefined;
  relay.release();
  await stage.clear();
  await troupe.clear();
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await server.close();
});

/** Has the relay keep back what the server answers to these methods, on the connections that it has now. */
function stall(methods: readonly string[]): void {
  const latest = relay.connections;
  relay.onAnswer = (_, { method, connection }): Verdict =>
    methods.includes(method) && connection <= latest ? 'hold' : 'pass';
}

/** A client of the relay and of a healthy member, which begins with the relay. */
async function connectToRelay(sessionMs = T): Promise<Actor> {
  const healthy = await troupe.proxy(server.port);
  healthy.cut();
  const actor = await stage.connect({ servers: `${relay.address},${healthy.address}`, sessionMs });
  healthy.heal();
  return actor;
}

describe('a member that keeps leases and carries nothing else out', () => {
  it.each([
    ['reads and writes', ['Range', 'Txn', 'LeaseGrant']],
    ['reads', ['Range']],
    ['writes', ['Txn']],
  ])('liveness, no vanish: is left for another within the session timeout (%s)', async (_, methods) => {
    const actor = await connectToRelay();
    const own = actor.register('dubbo://a:1/stall.Own');
    const path = await own.registered();
    const view = actor.consume({ interface: 'stall.Own' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    const { length } = actor.states.statuses;

    stall(methods);
    const since = performance.now();
    const [found, other] = [
      actor.registry.lookup({ interface: 'stall.Own' }, { timeoutMs: 3 * T }),
      actor.register('dubbo://a:1/stall.Other'),
    ];
    await eventually(async () => {
      expect(await stage.server.node(path)).toBeDefined();
      return actor.states.statuses.length === length + 2;
    });
    // Half of it for an answer, a tick of a twelfth each to begin and to end, and the waits to connect again.
    expect(performance.now() - since).toBeLessThan((T * 8) / 12 + SLACK_MS);
    expect(actor.states.statuses.slice(length)).toEqual(['suspended', 'connected']);
    expect(actor.states.trace.at(-2)!.state).toMatchObject({ cause: { code: 'TIMEOUT' } });
    expect([...(await found)].map(({ address }) => address)).toEqual(['a:1']);
    await other.registered();
    expect(await stage.server.node(path)).toBeDefined();
    expect(view.told).toEqual(['add a:1']);
  });

  it('liveness: is noticed by a client that asks for nothing, and that has no other member to go to', async () => {
    const actor = await stage.connect({ servers: relay.address, sessionMs: T });
    const own = actor.register('dubbo://a:1/stall.Alone');
    await own.registered();
    relay.onAnswer = (_, { method }): Verdict => (method === 'Range' || method === 'Txn' ? 'hold' : 'pass');
    const since = performance.now();
    await eventually(() => actor.states.last?.status === 'suspended', { everyMs: 5 });
    // A sixth until it is pinged, a third and a tick of a twelfth for the answer.
    expect(performance.now() - since).toBeLessThan((T * 7) / 12 + SLACK_MS);
    expect(own.states.at(-1)).toMatchObject({ status: 'suspended' });
    await eventually(() => actor.states.last?.status === 'connecting');
    // The last proof was at most a sixth before.
    expect(performance.now() - since).toBeLessThan(T + SLACK_MS);
    relay.onAnswer = undefined;
    relay.release();
    await own.registered();
  });
});

describe('a member that is merely slow', () => {
  it('no flap: may take a quarter of the session timeout for each read and write', async () => {
    const actor = await stage.connect({ servers: relay.address, sessionMs: T });
    relay.delayMs = ({ method }) => (method === 'Range' || method === 'Txn' || method === 'LeaseGrant' ? T / 4 : 0);
    const registrations = numbers(5).map((index) => actor.register(`dubbo://a:${index + 1}/stall.Slow`));
    const view = actor.consume({ interface: 'stall.Slow' });
    await eventually(() => expect(view.addresses).toHaveLength(5), { withinMs: 5 * T });
    await throughout(2 * T, () => expect(actor.states.statuses).toEqual(['connecting', 'connected']));
    for (const each of registrations) each.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]), { withinMs: 5 * T });
    expect(actor.states.statuses).toEqual(['connecting', 'connected']);
  });

  it('no flap: or answer so much that it takes longer than the session timeout to arrive', async () => {
    const keys = numbers(2_400).map((index) => `/vast/${String(index).padStart(190, 'x')}`);
    for (let from = 0; from < keys.length; from += 100)
      await server.raw.transact({ put: keys.slice(from, from + 100) });
    const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: T });
    await ask(session.create('/beside', { ephemeral: true }));
    // One page of half a megabyte.
    proxy.throttle(120_000);
    const since = performance.now();
    using list = new Recorder(session.list('/vast'));
    using watched = follow(probe, (each) => each.watchDirectory('/vast'));
    await eventually(() => list.values.length === 1 && watched.values.length === 1, { withinMs: 10 * T });
    expect(performance.now() - since).toBeGreaterThan(T);
    expect(list.last).toHaveLength(keys.length);
    expect(list.error).toBeUndefined();
    // What happened to all of it, in one answer.
    await server.raw.deleteRange('/vast/');
    await eventually(() => watched.values.length === 2, { withinMs: 10 * T });
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
    expect(await probe.session()).toBe(session);
  });
});
