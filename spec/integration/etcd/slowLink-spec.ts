import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { createRegistry } from '../../../lib/index.js';
import { ask, refusalOf, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { StatesRecord } from '../../support/scenario/statesRecord.js';
import { type FaultProxy, startFaultProxy } from '../../support/proxy/faultProxy.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { followDirectory } from './support/follow.js';

/** The session timeout: everything here takes longer than that. */
const T = 4_000;
const MANY = 2_000;
const SERVICE = 'com.acme.Many';
const name = (index: number): string => `${'x'.repeat(240)}${String(index).padStart(6, '0')}`;

let server: EtcdServer;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startEtcd();
});
beforeEach(async () => {
  proxy = await startFaultProxy(server);
});
afterEach(() => proxy.close());
afterAll(() => server.close());

describe('a slow link', () => {
  it('takes many registrations: once each, and in one session', async () => {
    // A batch of a hundred takes a quarter of a second: an answer is waited for for a quarter of the session timeout.
    proxy.throttle(400_000);
    const registry = createRegistry(etcd(proxy.address, { sessionTimeoutMs: T }));
    const states = new StatesRecord(registry.states);
    let registered = 0;
    const urls = Array.from(
      { length: MANY },
      (_, index) => `dubbo://10.0.${index >> 8}.${index & 255}:1/${SERVICE}?a=${'x'.repeat(150)}`,
    );
    for (const url of urls) {
      let is = false;
      registry.register(url).subscribe(({ status }) => {
        registered += Number(status === 'registered') - Number(is);
        is = status === 'registered';
      });
    }
    await eventually(() => registered === MANY, { what: 'all to be registered', withinMs: 50_000, everyMs: 100 });
    expect(states.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
    // Each name, of some 370 bytes, goes up three times: as a condition, a key, and a watch. What is thrown away would add to that.
    expect(proxy.bytes().toServer).toBeLessThan(MANY * 370 * 4);
    proxy.throttle(0);
    await registry.close();
  });

  it('brings a large directory: once, and costs nobody beside it the session', async () => {
    for (let from = 0; from < MANY; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => server.raw.put(`/slow/${name(from + index)}`)));
    }
    // More than a session timeout for the names, of some 290 bytes each.
    proxy.throttle((MANY * 290) / ((1.5 * T) / 1_000));
    const backend = etcd(proxy.address, { sessionTimeoutMs: T });
    const registry = createRegistry(backend);
    const states = new StatesRecord(registry.states);
    const beside = new RegistrationRecord(registry, 'dubbo://10.0.0.1:1/com.acme.Beside');
    await beside.registered();
    const { toClient } = proxy.bytes();
    const state = states.last!;
    if (state.status !== 'connected') throw new Error('not connected');
    expect(await ask(state.session.list('/slow'))).toHaveLength(MANY);
    expect(proxy.bytes().toClient - toClient).toBeLessThan(1.3 * MANY * 290);
    expect(states.statuses).toEqual(['connecting', 'connected']);
    expect(beside.statuses).toEqual(['pending', 'registered']);
    expect(proxy.accepted).toBe(1);
    proxy.throttle(0);
    await registry.close();
  });
});

describe('a message that is larger than maxMessageBytes', () => {
  const troupe = new Troupe<EtcdOptions>(etcd);
  const large = Buffer.alloc(200_000);
  afterEach(() => troupe.clear());

  it('fails the call that it answers, and nothing else', async () => {
    const probe = troupe.follow(server.address, { maxMessageBytes: 65_536 });
    const session = await probe.session();
    await ask(session.create('/large/a', { data: large }));
    expect(await refusalOf(session.read('/large/a'))).toBe('TOO_LARGE');
    expect(await ask(session.list('/large'))).toEqual(['a']);
    await server.raw.deleteRange('/large/');
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('has a directory read again where it tells what happened there', async () => {
    const probe = troupe.follow(server.address, { maxMessageBytes: 65_536 });
    await probe.session();
    using watched = followDirectory(probe, '/large');
    await eventually(() => watched.values.length > 0, { withinMs: SOON_MS });
    await server.raw.put('/large/b', large);
    await eventually(() => expect(watched.last).toMatchObject({ type: 'snapshot', names: ['b'] }), {
      withinMs: SOON_MS,
    });
    await server.raw.put('/large/c', 'small');
    await eventually(() => expect(watched.last).toEqual({ type: 'delta', added: ['c'], removed: [] }));
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    await server.raw.deleteRange('/large/');
  });
});
