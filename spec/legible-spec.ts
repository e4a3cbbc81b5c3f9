import { inspect } from 'node:util';
import { firstValueFrom, NEVER, of, take, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../lib/backends/memory/index.js';
import { createConfigCenter, createRegistry, InstanceSet, type RegistrationState, ServiceUrl } from '../lib/index.js';
import { balance, roundRobin } from '../lib/operators/index.js';
import { fakeInstances } from '../lib/testing/index.js';

const SECRET = 'hunter2';
const PROVIDER = `dubbo://app:${SECRET}@10.0.0.5:20880/com.acme.Users?password=${SECRET}&version=1.0.0`;
const QUERY = { interface: 'com.acme.Users', version: '1.0.0' };

/** What a program may print of a value. */
const printed = (value: unknown): readonly string[] => [
  inspect(value),
  inspect(value, { depth: Infinity, showHidden: true }),
  JSON.stringify(value),
  String(value),
];

async function stage() {
  const registry = createRegistry(memory({ server: new MemoryServer() }));
  onTestFinished(() => registry.close());
  const provision = await registry.provide(PROVIDER);
  const [set, registrations, connections] = await Promise.all([
    registry.lookup(QUERY),
    firstValueFrom(provision.states.pipe(take(1), toArray())),
    firstValueFrom(registry.states.pipe(take(1), toArray())),
  ]);
  const picker = await firstValueFrom(of(set).pipe(balance(roundRobin())));
  return { registry, provision, set, picker, registration: registrations[0]!, connection: connections[0]! };
}

describe('what a program prints', () => {
  it('holds no secret, and is no empty object', async () => {
    const { registry, provision, set, picker, registration, connection } = await stage();
    const config = createConfigCenter(registry);
    onTestFinished(() => config.close());
    const url = ServiceUrl.parse(PROVIDER);
    for (const value of [url, set, picker, registration, connection, registry, provision, config, [{ set, url }]]) {
      for (const text of printed(value)) {
        expect(text).not.toContain(SECRET);
        expect(text).not.toMatch(/^(\w+ )?\{\}$/);
      }
    }
    for (const value of [url, set, picker, registration, connection, registry, provision, config]) {
      expect(printed(value).at(-1)).not.toContain('[object');
    }
  });

  it('names the instances of a set', async () => {
    const { set } = await stage();
    expect(inspect(set)).toMatch(/^InstanceSet\(1\) \[\s+ServiceUrl "dubbo:\/\/\*\*\*@10\.0\.0\.5:20880/);
    expect(String(set)).toBe('InstanceSet(1) 10.0.0.5:20880');
    expect(JSON.parse(JSON.stringify(set))).toEqual([String(set.toArray()[0])]);
    expect(String(new InstanceSet())).toBe('InstanceSet(0)');
  });

  it('names no more than ten instances in a text', () => {
    const byKey = new Map(fakeInstances(12).map((each) => [each.address, each]));
    expect(String(new InstanceSet(byKey))).toMatch(/10\.0\.0\.10:\d+, … 2 more$/);
  });

  it('says how a registry is connected', async () => {
    const { registry } = await stage();
    expect(JSON.parse(JSON.stringify(registry))).toEqual({
      backend: 'memory',
      root: '/dubbo',
      connection: 'connected',
    });
    expect(inspect(createRegistry('zookeeper://app:hunter2@127.0.0.1:1'))).toBe(
      "Registry { backend: 'zookeeper', root: '/dubbo', connection: 'not used' }",
    );
  });

  it('says what went wrong', async () => {
    const failing = createRegistry({ name: 'x', states: NEVER, close: () => Promise.resolve() });
    onTestFinished(() => failing.close());
    const error = await failing.lookup(QUERY, { timeoutMs: 1 }).catch((reason: unknown) => reason);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name: 'RegistryError', code: 'TIMEOUT' });
  });

  it('leaves states as they are for those who compare them', async () => {
    const { registration, connection } = await stage();
    expect(Object.keys(registration)).toEqual(['status', 'url', 'path', 'levels']);
    expect(connection).toStrictEqual({ status: 'connected', session: (connection as { session: unknown }).session });
    const copy: RegistrationState = { ...registration };
    expect(copy).toStrictEqual(registration);
  });
});
