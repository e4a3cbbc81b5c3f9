import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry, type RegistrationState } from '../../../lib/index.js';
import { nodePath } from '../../../lib/dubbo/index.js';
import { type EtcdRegistry, startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { throughout } from '../../support/scenario/judge.js';
import { settled } from '../../support/scenario/settled.js';
import { eventually } from '../../support/servers/eventually.js';
import { startGrpcRelay, type GrpcRelay } from './support/grpcRelay.js';

/**
 * A server that stood still goes on with what it had been sent: a write whose connection is long gone, and whose registration
 * was taken back meanwhile. Here it is the spec that carries it out, on the same lease.
 */
describe('a write that a server of etcd carries out late', () => {
  let server: EtcdRegistry;
  let relay: GrpcRelay;
  beforeAll(async () => {
    server = await startEtcdRegistry();
  });
  afterEach(() => relay[Symbol.asyncDispose]());
  afterAll(() => server.close());

  async function unanswered(service: string) {
    relay = await startGrpcRelay(server);
    const registry = createRegistry(`etcd://${relay.address}?session=10000`);
    const states: RegistrationState[] = [];
    await registry.provide(`dubbo://a:1/${service}.Other`);
    const [lease] = await server.raw.leases();
    relay.onCall = ({ method }) => (method === 'Txn' ? { code: 14, message: 'the server does not answer' } : undefined);
    const url = `dubbo://a:1/${service}?timestamp=1&pid=1`;
    const registration = registry.register(url).subscribe((state) => states.push(state));
    await eventually(() => states.some((state) => 'cause' in state));
    return { registry, registration, url, lease: lease!, path: nodePath('/dubbo', states[0]!.url) };
  }

  it('no ghost: is taken back when nobody wants it any more', async () => {
    const { registry, registration, lease, path } = await unanswered('late.Released');
    registration.unsubscribe();
    relay.onCall = undefined;
    // Everything that could be done about it has been done.
    await settled(() => server.watches());
    expect(await server.raw.putNew(path, '', { lease })).toBe(true);
    await eventually(async () => expect(await server.node(path)).toBeUndefined());
    await throughout(300, async () => expect(await server.node(path)).toBeUndefined());
    await registry.close();
  });

  it('no vanish: is left alone when it is wanted again', async () => {
    const { registry, registration, path, url } = await unanswered('late.Again');
    registration.unsubscribe();
    relay.onCall = undefined;
    const provision = await registry.provide(url);
    const before = await server.node(path);
    await throughout(300, async () => expect(await server.node(path)).toEqual(before));
    await provision.release();
    await eventually(async () => expect(await server.node(path)).toBeUndefined());
    await registry.close();
  });
});

describe('an answer of etcd that arrives after the watch has told of something later', () => {
  it('no vanish: forty nodes are back, however often their prefix is deleted in a row', async () => {
    await using server = await startEtcdRegistry();
    await using registry = createRegistry(`etcd://${server.address}?session=10000`);
    const statuses: string[] = [];
    for (let index = 0; index < 40; index += 1) {
      registry.register(`dubbo://h${index}:1/late.Answers`).subscribe(({ status }) => (statuses[index] = status));
    }
    const directory = '/dubbo/late.Answers/providers';
    const all = () =>
      eventually(
        async () => {
          expect(await server.names(directory)).toHaveLength(40);
          expect(new Set(statuses)).toEqual(new Set(['registered']));
        },
        { withinMs: 8_000 },
      );
    await all();
    for (let times = 4; times <= 8; times += 1) {
      for (let time = 0; time < times; time += 1) await server.raw.deleteRange(`${directory}/`);
      await all();
    }
  });
});
