import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expireSessionOf, judge } from '../../support/scenario/judge.js';
import type { ConsumerRecord } from '../../support/scenario/consumerRecord.js';
import type { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

const COUNT = 10_000;
const DEADLINE_MS = 30_000;
const SERVICE = 'scale.Service';
const DIRECTORY = `/dubbo/${SERVICE}/providers`;

let server: ZooKeeperServer;
let stage: Stage;
beforeAll(async () => {
  server = await startZooKeeper();
  stage = new Stage(server);
});
afterAll(async () => {
  await stage.clear();
  await server.close();
});

describe('10,000 providers of one service', { timeout: 120_000 }, () => {
  let provider: Actor;
  let consumer: Actor;
  let view: ConsumerRecord;
  let registrations: RegistrationRecord[];

  it('are registered through one registry and seen by a consumer, each told once', async () => {
    provider = await stage.connect();
    consumer = await stage.connect();
    view = consumer.consume({ interface: SERVICE });
    await eventually(() => expect(view.sizes).toEqual([0]));

    await inTime('register', async () => {
      registrations = addresses().map((address) => provider.register(`dubbo://${address}/${SERVICE}?weight=100`));
      await all(registrations, 'registered');
    });
    await eventually(() => view.events.length >= COUNT, { withinMs: DEADLINE_MS });
    expect(view.addresses).toEqual(addresses().sort());
    expect(new Set(view.events.map(({ type }) => type))).toEqual(new Set(['add']));
    expect(view.events).toHaveLength(COUNT);
    expect(await owners()).toEqual(new Map([[(await provider.connected()).id, COUNT]]));
    expect([...provider.states.statuses, ...consumer.states.statuses]).not.toContain('suspended');
  });

  it('are there in the first set of a consumer that comes late', async () => {
    const late = await stage.connect();
    const seen = await inTime('first set', async () => {
      const first = late.consume({ interface: SERVICE });
      await eventually(() => first.sizes.length > 0);
      return first;
    });
    expect(seen.sizes).toEqual([COUNT]);
    // Java clients with default settings cannot read a directory of that size.
    expect(late.warnings.map(({ code }) => code)).toEqual(['LARGE_DIRECTORY']);
    seen.unsubscribe();
    await late.registry.close();
  });

  it('no flap: stay untouched when the connections of both sides break', async () => {
    const told = view.events.length;
    const before = await judge(server, (raw) => raw.stat(DIRECTORY));
    await inTime('resume', async () => {
      const since = performance.now();
      for (const { proxy } of [provider, consumer]) proxy.dropConnections();
      // Each may be back before the other has noticed.
      await eventually(() => {
        for (const { states } of [provider, consumer]) states.firstAfter(since, 'suspended');
      });
      await all(registrations, 'registered');
      await consumer.connected();
    });
    expect(view.events.slice(told)).toEqual([]);
    // Not a child has come or gone.
    expect(await judge(server, (raw) => raw.stat(DIRECTORY))).toMatchObject({
      pzxid: before!.pzxid,
      childrenVersion: before!.childrenVersion,
    });
  });

  it('no vanish: are all back after their session has expired', async () => {
    const old = await provider.connected();
    await inTime('after expiry', async () => {
      await expireSessionOf(server, old);
      await eventually(() => provider.states.statuses.includes('lost'));
      await provider.connected();
      await all(registrations, 'registered');
    });
    const { id } = await provider.connected();
    expect(id).not.toBe(old.id);
    expect(await owners()).toEqual(new Map([[id, COUNT]]));
    await eventually(() => expect(view.addresses).toHaveLength(COUNT), { withinMs: DEADLINE_MS });
    expect(view.addresses).toEqual(addresses().sort());
  });

  it('no ghost: are all gone when they are released', async () => {
    const told = view.events.length;
    await inTime('release', async () => {
      for (const registration of registrations) registration.unsubscribe();
      await eventually(() => view.events.length >= told + COUNT, { withinMs: DEADLINE_MS });
    });
    expect(view.addresses).toEqual([]);
    expect(new Set(view.events.slice(told).map(({ type }) => type))).toEqual(new Set(['delete']));
    expect(await owners()).toEqual(new Map());
  });

  function addresses(): string[] {
    return Array.from({ length: COUNT }, (_, index) => `10.0.${index >> 8}.${index & 255}:20880`);
  }

  async function all(records: readonly RegistrationRecord[], status: RegistrationRecord['status']): Promise<void> {
    await eventually(() => records.every((record) => record.status === status), {
      what: `${COUNT} to be ${status}`,
      withinMs: DEADLINE_MS,
    });
  }

  /** How many nodes each session has, as the server holds them. */
  function owners(): Promise<Map<string, number>> {
    return judge(server, async (raw) => {
      const stats = await Promise.all((await raw.children(DIRECTORY)).map((name) => raw.stat(`${DIRECTORY}/${name}`)));
      const counts = new Map<string, number>();
      for (const stat of stats) {
        if (stat) counts.set(stat.ephemeralOwner, (counts.get(stat.ephemeralOwner) ?? 0) + 1);
      }
      return counts;
    });
  }
});

/** Does something that may take long, but not for ever. */
async function inTime<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  expect(performance.now() - start, what).toBeLessThan(DEADLINE_MS);
  return result;
}
