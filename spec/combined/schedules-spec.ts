import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CombineOptions, combineRegistries, type InstanceSet } from '../../lib/index.js';
import {
  FAKE_INTERFACE,
  fakeInstances,
  legalEvents,
  legalStates,
  recordOf,
  scenario,
} from '../../lib/testing/index.js';

const query = { interface: FAKE_INTERFACE };
const instances = fakeInstances(4);
const SESSION_MS = 10_000;

/** What happens: to the server of a region, to one client of it, or by the will of a provider. */
const step = fc.oneof(
  fc.record({
    type: fc.constantFrom('cut' as const, 'heal' as const, 'expire' as const),
    region: fc.constantFrom(0 as const, 1 as const),
  }),
  fc.record({
    type: fc.constantFrom('register' as const, 'release' as const),
    instance: fc.nat(instances.length - 1),
  }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.nat(2 * SESSION_MS) }),
);

/** Two servers with faults of their own in one time; a provider and a consumer that use both as one. */
function village(options: CombineOptions) {
  const eu = scenario({ sessionTimeoutMs: SESSION_MS });
  const us = scenario({ sessionTimeoutMs: SESSION_MS, scheduler: eu.scheduler });
  const stories = [eu, us] as const;
  const clients = stories.map((story) => [story.client(), story.client()] as const);
  const [provider, consumer] = [0, 1].map((who) =>
    combineRegistries(
      { eu: clients[0]![who]!.registry, us: clients[1]![who]!.registry },
      { scheduler: eu.scheduler, ...options },
    ),
  );
  return { stories, clients, provider: provider!, consumer: consumer!, time: eu };
}

const hostsOf = (set: InstanceSet | undefined): string[] => (set?.toArray() ?? []).map(({ host }) => host).sort();

describe.each<[string, CombineOptions]>([
  ['a union', { read: 'union' }],
  ['failover', { read: 'failover', stableMs: 5_000 }],
  ['a preference', { read: 'prefer', minimum: 2 }],
])('two registries with faults of their own, read as %s', (_, options) => {
  it('tell legally whatever happens, and converge once it is over', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), (steps) => {
        const { stories, clients, provider, consumer, time } = village(options);
        const events = recordOf(consumer.subscribe(query).pipe(legalEvents()), time);
        const sets = recordOf(consumer.instances(query), time);
        const states = recordOf(consumer.states.pipe(legalStates({ fromStart: true })), time);
        const held = new Map<number, { unsubscribe(): void }>();
        const errors: unknown[] = [];
        time.pass('5s');
        for (const each of steps) {
          if (each.type === 'pass') time.pass(each.ms);
          else if ('region' in each) {
            const { server } = stories[each.region];
            if (each.type === 'cut') server.cut();
            else if (each.type === 'expire') for (const client of clients[each.region]!) client.expire();
            else server.heal();
          } else if (each.type === 'release') {
            held.get(each.instance)?.unsubscribe();
            held.delete(each.instance);
          } else if (!held.has(each.instance)) {
            const registration = provider.register(instances[each.instance]!);
            held.set(each.instance, registration.subscribe({ error: (error: unknown) => errors.push(error) }));
          }
        }
        for (const { server } of stories) server.heal();
        // Sessions of the dead are over, the longest backoff is, and what was lost is registered anew.
        time.pass('2m');
        const wanted = [...held.keys()].map((index) => instances[index]!.host).sort();
        expect(hostsOf(sets.last)).toEqual(wanted);
        expect([events.error, states.error, errors]).toEqual([undefined, undefined, []]);
        for (const story of stories) story.close();
      }),
      { numRuns: 40 },
    );
  });

  it('take nothing back while one of them is away at a time, for shorter than its session lasts', () => {
    const outages = fc.array(
      fc.record({ region: fc.constantFrom(0 as const, 1 as const), ms: fc.integer({ min: 1, max: SESSION_MS / 4 }) }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(outages, (all) => {
        const { stories, provider, consumer, time } = village(options);
        for (const instance of instances) provider.register(instance).subscribe();
        time.pass('5s');
        const sets = recordOf(consumer.instances(query), time);
        time.pass('5s');
        for (const { region, ms } of all) {
          stories[region].server.cut();
          time.pass(ms);
          stories[region].server.heal();
          // Everybody is back before the next one: two of the longest waits.
          time.pass('5s');
        }
        expect(sets.values.map(({ size }) => size)).toEqual([instances.length]);
        for (const story of stories) story.close();
      }),
      { numRuns: 20 },
    );
  });
});
