import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { firstValueFrom, forkJoin } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { createRegistry } from '../../../lib/index.js';
import type { RegistryNode, Session } from '../../../lib/port/index.js';
import { ask, bytes, type Probe, refusalOf, SOON_MS, text } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { ConsumerRecord } from '../../support/scenario/consumerRecord.js';
import { EtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { throughout } from '../../support/scenario/judge.js';
import { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { freePort } from '../../support/servers/freePort.js';
import type { RawEtcd } from '../../support/servers/rawEtcd.js';
import { follow, followDirectory } from './support/follow.js';
import { type GrpcRelay, startGrpcRelay, type Verdict } from './support/grpcRelay.js';
import { numbers } from './support/inSlices.js';

let server: EtcdRegistry;
let raw: RawEtcd;
let relay: GrpcRelay;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = new EtcdRegistry(await startEtcd());
  raw = server.raw;
});
afterEach(async () => {
  await troupe.clear();
  await relay?.[Symbol.asyncDispose]();
});
afterAll(() => server.close());

/** A client behind a relay of its own. */
async function join(options?: EtcdOptions): Promise<{ probe: Probe; session: Session }> {
  relay = await startGrpcRelay(server);
  const probe = troupe.follow(relay.address, options);
  return { probe, session: await probe.session() };
}

/** Does something to the answer of the next call of a kind. */
function meddleOnce(method: string, verdict: Verdict): Promise<void> {
  return new Promise((resolve) => {
    relay.onAnswer = (_, call) => {
      if (call.method !== method) return 'pass';
      relay.onAnswer = undefined;
      resolve();
      return verdict;
    };
  });
}

function count(method: string): number {
  return relay.calls.filter((call) => call.method === method).length;
}

function createAll(session: Session, paths: readonly string[]): Promise<RegistryNode[]> {
  return firstValueFrom(forkJoin(paths.map((path) => session.create(path))));
}

describe('a call that fails', () => {
  it('isolation: for its deadline costs nothing beside it', async () => {
    const { probe, session } = await join({ tuning: { callTimeoutMs: 400 } });
    await ask(session.create('/late/a'));
    const held = meddleOnce('Range', 'hold');
    const since = performance.now();
    const late = refusalOf(session.read('/late/a'));
    await held;
    await throughout(300, async () => expect(await ask(session.read('/late/a'))).toBeDefined());
    expect(await late).toBe('TIMEOUT');
    expect(performance.now() - since).toBeLessThan(400 + SLACK_MS);
    for (const _ of numbers(10)) expect(await ask(session.list('/late'))).toEqual(['a']);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(relay.connections).toBe(1);
  });

  it.each([
    [1, 'CONNECTION_LOST'],
    [2, 'SERVER_ERROR'],
    [4, 'TIMEOUT'],
    [8, 'SERVER_ERROR'],
    [10, 'SERVER_ERROR'],
    [13, 'SERVER_ERROR'],
    [14, 'CONNECTION_LOST'],
  ])('isolation: with the status %i of gRPC costs nothing beside it, as often as it does', async (code, expected) => {
    const { probe, session } = await join();
    await ask(session.create('/failing/a', { ephemeral: true }));
    const requests = count('Range');
    relay.onCall = ({ method }) => (method === 'Range' ? { code, message: 'by the spec' } : undefined);
    for (const _ of numbers(5)) expect(await refusalOf(session.list('/failing'))).toBe(expected);
    // Each was asked once: whether it may be asked again is for those to decide who know what it is.
    expect(count('Range')).toBe(requests + 5);
    relay.onCall = undefined;
    expect(await ask(session.list('/failing'))).toEqual(['a']);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(relay.connections).toBe(1);
  });
});

describe('a write whose answer is lost', () => {
  const lost = async (probe: Probe, write: Promise<unknown>, answer: Promise<void>): Promise<void> => {
    const { length } = probe.statuses;
    await answer;
    await expect(write).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await eventually(() => expect(probe.statuses).toHaveLength(length + 2), { withinMs: SOON_MS });
  };

  it('single registration: is not sent again', async () => {
    const { probe, session } = await join();
    await ask(session.makeDirectory('/once'));
    const before = count('Txn');
    await lost(probe, ask(session.create('/once/a', { ephemeral: true })), meddleOnce('Txn', 'break'));
    const made = await raw.get('/once/a');
    expect(made).toMatchObject({ createRevision: made!.modRevision });
    const node = (await ask(session.read('/once/a')))!;
    // That it is ours shows, though nobody told us.
    expect(node).toMatchObject({ owner: session.id, version: made!.modRevision });

    await lost(probe, ask(session.takeOver(node, { ephemeral: true, data: bytes('b') })), meddleOnce('Txn', 'break'));
    await lost(probe, ask(session.write('/once/a', bytes('c'))), meddleOnce('Txn', 'break'));
    expect(await raw.get('/once/a')).toMatchObject({
      value: Buffer.from('c'),
      createRevision: made!.createRevision,
      modRevision: made!.modRevision + 2n,
    });

    await lost(probe, ask(session.remove('/once/a', { owner: session.id })), meddleOnce('Txn', 'break'));
    expect(await raw.get('/once/a')).toBeUndefined();
    expect(count('Txn')).toBe(before + 4);
    expect(await probe.session()).toBe(session);
  });

  it('single registration, legal events: leaves a service that is registered once, and told once', async () => {
    const { probe } = await join();
    relay.onAnswer = undefined;
    const registry = createRegistry(`etcd://${relay.address}`);
    const consumer = createRegistry(`etcd://${server.address}`);
    const view = new ConsumerRecord(consumer, { interface: 'once.Told' });
    await raw.put('/dubbo/once.Told/providers');
    await firstValueFrom(registry.instances({ interface: 'once.Told' }));
    const broken = meddleOnce('Txn', 'break');
    const registration = new RegistrationRecord(registry, 'dubbo://a:1/once.Told');
    await broken;
    const path = await registration.registered();
    expect(await raw.range('/dubbo/once.Told/providers/')).toHaveLength(1);
    const key = await raw.get(path);
    expect(key?.modRevision).toBe(key?.createRevision);
    await eventually(() => expect(view.told).toEqual(['add a:1']));
    registration.unsubscribe();
    await eventually(() => expect(view.told).toEqual(['add a:1', 'delete a:1']));
    expect(view.flaws).toEqual([]);
    await Promise.all([registry.close(), consumer.close(), probe.backend.close()]);
  });
});

describe('deadlines', () => {
  it('are of each call: those of a session that is older than one are as good, and streams have none', async () => {
    const { probe, session } = await join({ tuning: { callTimeoutMs: 300 } });
    using directory = followDirectory(probe, '/older');
    using node = follow(probe, (each) => each.watchNode('/older/a'));
    await eventually(() => directory.values.length > 0 && node.values.length > 0);
    const since = performance.now();
    await eventually(() => performance.now() - since > 1_000);
    await ask(session.create('/older/a', { data: bytes('x') }));
    await eventually(() => expect(directory.values).toHaveLength(2));
    await eventually(() => expect(text(node.last?.data)).toBe('x'));
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('are kept where nobody answers', async () => {
    const { proxy, probe, session } = await troupe.join(server.port, {
      sessionTimeoutMs: 60_000,
      tuning: { callTimeoutMs: 300 },
    });
    proxy.blackHole();
    const since = performance.now();
    const calls = [session.read('/'), session.create('/unanswered'), session.list('/'), session.watchDirectory('/')];
    expect(await Promise.all(calls.map((call) => refusalOf(call)))).toEqual(Array(4).fill('TIMEOUT'));
    expect(performance.now() - since).toBeLessThan(300 + SLACK_MS);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });
});

describe('a black hole', () => {
  it('liveness: is noticed by the connection itself, long before a long session would ask', async () => {
    const tuning = { keepaliveTimeMs: 500, keepaliveTimeoutMs: 300 };
    const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 60_000, tuning });
    const since = performance.now();
    proxy.blackHole();
    expect(await probe.reaches('suspended')).toMatchObject({ session, cause: { code: 'CONNECTION_LOST' } });
    expect(performance.now() - since).toBeLessThan(800 + SLACK_MS);
    proxy.heal();
    await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    expect(await probe.session()).toBe(session);
  });
});

describe('more calls than the server takes', () => {
  it('bounded load: wait for their turn', async () => {
    for (const [callWindow, most] of [
      [undefined, 128],
      [16, 16],
    ] as const) {
      const { session } = await join(callWindow ? { tuning: { callWindow } } : {});
      const paths = numbers(600).map((index) => `/window-${most}/${index}`);
      await createAll(session, paths);
      // A write is a transaction of its own.
      await firstValueFrom(forkJoin(paths.map((path) => session.write(path, bytes('x')))));
      expect((await raw.range(`/window-${most}/`)).filter(({ value }) => value.toString() === 'x')).toHaveLength(600);
      expect(relay.mostOpen.get('Txn')).toBeLessThanOrEqual(most);
      expect(relay.mostOpen.get('Txn')).toBeGreaterThan(most / 4);
      await relay[Symbol.asyncDispose]();
    }
  });

  it('clean shutdown: and are not sent any more when nobody wants them, or nobody is there', async () => {
    const { probe, session } = await join({ tuning: { callWindow: 4, pageSize: 100 } });
    await createAll(
      session,
      numbers(4).map((index) => `/turn/${index}`),
    );
    relay.onAnswer = (_, { method }) => (method === 'Range' ? 'hold' : 'pass');
    const lists = () => relay.calls.filter(({ requests }) => requests.some((request) => request.includes('/turn/')));
    const before = lists().length;
    const [held, left, waiting] = [0, 1, 2].map(() => numbers(4).map(() => session.list('/turn'))) as [
      ReturnType<Session['list']>[],
      ReturnType<Session['list']>[],
      ReturnType<Session['list']>[],
    ];
    const answers = held.map((list) => refusalOf(list));
    await eventually(() => lists().length === before + 4);
    for (const list of left) list.subscribe().unsubscribe();
    answers.push(...waiting.map((list) => refusalOf(list)));
    relay.break();
    expect(await Promise.all(answers)).toEqual(Array(8).fill('CONNECTION_LOST'));
    relay.onAnswer = undefined;
    await eventually(() => expect(probe.statuses).toHaveLength(4), { withinMs: SOON_MS });
    expect(lists()).toHaveLength(before + 4);
    expect(await ask(session.list('/turn'))).toHaveLength(4);
  });
});

describe('what fails and nobody waits for', () => {
  it('clean shutdown: is nobody’s, and ends no process', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const { proxy, probe, session } = await troupe.join(server.port, { tuning: { callWindow: 8 } });
    for (const index of numbers(50)) {
      session.read('/nobody').subscribe().unsubscribe();
      session.create(`/nobody/${index}`, { ephemeral: true }).subscribe().unsubscribe();
      session.watchNode('/nobody').subscribe().unsubscribe();
      session.watchDirectory('/nobody').subscribe().unsubscribe();
      if (index === 25) proxy.cut();
    }
    await probe.reaches('suspended');
    proxy.heal();
    await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    void ask(session.read('/nobody')).catch(() => undefined);
    await probe.backend.close();
    await throughout(200, () => expect(unhandled).toEqual([]));
    process.off('unhandledRejection', note);
  });
});

describe('closing', () => {
  it('no leak: leaves no stream, watch, lease or socket, whatever there was', async () => {
    const before = await server.load();
    const { proxy, probe, session } = await troupe.join(server.port, { tuning: { keysPerLease: 2 } });
    const views = numbers(5).flatMap((index) => [
      followDirectory(probe, `/closed/${index}`),
      follow(probe, (each) => each.watchNode(`/closed/${index}/a`)),
    ]);
    for (const index of numbers(5)) await ask(session.create(`/closed/${index}/a`, { ephemeral: true }));
    await eventually(() => views.every(({ values }) => values.length > 0));
    const now = await server.load();
    for (const [name, least] of [
      ['leases', 3],
      ['keys with a lease', 5],
      ['watches', 10],
      ['watch streams', 6],
      ['keep-alive streams', 1],
    ] as const) {
      expect(now[name]! - before[name]!, name).toBeGreaterThanOrEqual(least);
    }
    const calls = numbers(50).map(() => ask(session.list('/closed')).catch(() => undefined));
    await probe.backend.close();
    // Acknowledged: gone when it resolves.
    expect(await raw.range('/closed/')).toMatchObject(numbers(5).map((index) => ({ key: `/closed/${index}` })));
    await eventually(async () => expect(await server.load()).toEqual(before));
    await eventually(() => proxy.connections === 0);
    await Promise.all(calls);
    for (const view of views) view.stop();
  });

  it('clean shutdown: a program that closes while no server is there ends by itself', async () => {
    const program = fileURLToPath(new URL('./support/closesInVain.ts', import.meta.url));
    const run = promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', program, `etcd://127.0.0.1:${await freePort()}`],
      { timeout: 20_000 },
    );
    expect((await run).stdout).toBe('closed\n');
  });
});

describe('clients of one process', () => {
  it('isolation: do not share a connection, nor its fate', async () => {
    const proxy = await troupe.proxy(server.port);
    const probes = numbers(3).map(() => troupe.follow(proxy.address));
    const sessions = await Promise.all(probes.map((probe) => probe.session()));
    expect(proxy.connections).toBe(3);
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(3);
    await probes[0]!.backend.close();
    await eventually(() => proxy.connections === 2);
    for (const session of sessions.slice(1)) expect(await ask(session.read('/'))).toBeDefined();
    expect(probes.slice(1).map(({ statuses }) => statuses)).toEqual(Array(2).fill(['connecting', 'connected']));
  });
});
