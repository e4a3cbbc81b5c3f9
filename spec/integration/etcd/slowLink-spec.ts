import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { createRegistry } from '../../../lib/index.js';
import { ask, refusalOf, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { type FaultProxy, startFaultProxy } from '../../support/proxy/faultProxy.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { followDirectory } from './support/follow.js';

/** Everything here takes longer than that; a relay on a busy machine may be several times slower than it should be. */
const [T, READ_T] = [4_000, 8_000];
const MANY = 2_000;
const PATIENCE_MS = 100_000;
const urlAt = (service: string, index: number): string =>
  `dubbo://10.0.${index >> 8}.${index & 255}:1/${service}?a=${'x'.repeat(150)}`;

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

describe('a slow link', { timeout: PATIENCE_MS + 20_000 }, () => {
  it('takes many registrations, and what was sent is not thrown away', async () => {
    const service = 'slow.Registered';
    proxy.throttle(400_000);
    const registry = createRegistry(etcd(proxy.address, { sessionTimeoutMs: T }));
    let registered = 0;
    for (let index = 0; index < MANY; index += 1) {
      let is = false;
      registry.register(urlAt(service, index)).subscribe(({ status }) => {
        registered += Number(status === 'registered') - Number(is);
        is = status === 'registered';
      });
    }
    await eventually(() => registered === MANY, { what: 'all registered', withinMs: PATIENCE_MS, everyMs: 100 });
    const [first] = await server.raw.range(`/dubbo/${service}/providers/d`);
    // Each name goes up three times: as a condition, a key, and a watch. Once more all that is what may be sent in vain.
    expect(proxy.bytes().toServer).toBeLessThan(2 * 3 * MANY * (first!.key.length + 60));
    proxy.throttle(0);
    await registry.close();
  });

  it('brings a large directory, and what was received is not thrown away; a registration beside it stays', async () => {
    const service = 'slow.Listed';
    const keys = Array.from(
      { length: MANY },
      (_, index) => `/dubbo/${service}/providers/${encodeURIComponent(urlAt(service, index))}`,
    );
    for (let from = 0; from < MANY; from += 100) await server.raw.transact({ put: keys.slice(from, from + 100) });
    const bytes = keys.join().length;
    proxy.throttle(bytes / ((1.5 * READ_T) / 1_000));
    const registry = createRegistry(etcd(proxy.address, { sessionTimeoutMs: READ_T }));
    const beside = new RegistrationRecord(registry, 'dubbo://10.0.0.1:1/slow.Beside');
    const node = await beside.registered(PATIENCE_MS);
    const { createRevision } = (await server.raw.get(node))!;
    const { toClient } = proxy.bytes();
    expect((await registry.lookup({ interface: service }, { timeoutMs: PATIENCE_MS })).size).toBe(MANY);
    expect(proxy.bytes().toClient - toClient).toBeLessThan(2 * 1.2 * bytes);
    await beside.registered(PATIENCE_MS);
    expect((await server.raw.get(node))!.createRevision).toBe(createRevision);
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
