import { ignoreElements, map, take, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../lib/errors.js';
import {
  foldEvents,
  legalEvents,
  legalStates,
  recordOf,
  scenario,
  type ScenarioOptions,
} from '../../lib/testing/index.js';
import { a, b, nameOf, namesOf, QUERY } from './cast.js';
import { inVirtualTime } from './inVirtualTime.js';

const DIRECTORY = `/dubbo/${QUERY.interface}/providers`;

/** A provider of a and a consumer, connected. */
function begin(options: ScenarioOptions = {}) {
  const story = scenario({ sessionTimeoutMs: 10_000, ...options });
  const { scheduler } = story;
  const [provider, consumer] = [story.client(), story.client()];
  const registration = recordOf(provider.registry.register(a).pipe(map(({ status }) => status)), { scheduler });
  const states = recordOf(provider.registry.states.pipe(legalStates()), { scheduler });
  const events = recordOf(consumer.registry.subscribe(QUERY).pipe(legalEvents()), { scheduler });
  const seen = (): readonly string[] => events.values.map(({ type, service }) => `${type} ${nameOf(service)}`);
  const present = (): string => namesOf(foldEvents(events.values).values());
  return { story, provider, consumer, registration, states, events, seen, present };
}

describe('a scenario', () => {
  it('is at rest until time passes', () => {
    const { story, seen } = begin();
    expect([story.nowMs, seen()]).toEqual([0, []]);
    story.pass(0);
    expect([story.nowMs, seen()]).toEqual([0, ['add a']]);
    story.pass('1.5s').pass(500);
    expect(story.nowMs).toBe(2_000);
  });

  it('survives a cut of the provider that is shorter than its session, unseen', () => {
    const { story, provider, states, seen, registration } = begin();
    story
      .at('5s', () => provider.cut())
      .at('9s', () => provider.heal())
      .pass('1m');
    expect(seen()).toEqual(['add a']);
    expect(states.values.map(({ status }) => status)).toEqual(['connecting', 'connected', 'suspended', 'connected']);
    expect(registration.last).toBe('registered');
  });

  it('tells of a cut that is longer than the session, and of the return', () => {
    const { story, provider, seen, events } = begin();
    story
      .at('5s', () => provider.cut())
      .at('30s', () => provider.heal())
      .pass('1m');
    expect(seen()).toEqual(['add a', 'delete a', 'add a']);
    expect(events.entries[1]!.atMs).toBeGreaterThan(5_000);
    expect(events.entries[1]!.atMs).toBeLessThanOrEqual(15_000);
  });

  it('has a black hole, which is found out by the client’s own clock', () => {
    const { story, provider, consumer, states, present } = begin();
    story
      .at('5s', () => provider.blackHole())
      .at('30s', () => provider.heal())
      .pass('25s');
    expect(states.values.map(({ status }) => status).slice(0, 4)).toEqual([
      'connecting',
      'connected',
      'suspended',
      'lost',
    ]);
    expect(present()).toBe('o');
    story.pass('10s');
    expect(present()).toBe('a');
    expect(consumer.backend).not.toBe(provider.backend);
  });

  it('heals one client and leaves the other cut off', () => {
    const { story, provider, consumer, states } = begin();
    const others = recordOf(consumer.registry.states);
    story
      .at('5s', () => provider.cut())
      .at('5s', () => consumer.cut())
      .at('6s', () => provider.heal())
      .pass('9s');
    expect([states.last?.status, others.last?.status]).toEqual(['connected', 'suspended']);
  });

  it('has a session expired by the server', () => {
    const { story, provider, states, seen } = begin();
    story.at('5s', () => provider.expire()).pass('10s');
    expect(seen()).toEqual(['add a', 'delete a', 'add a']);
    expect(states.values.map(({ status }) => status).slice(2, 4)).toEqual(['suspended', 'lost']);
  });

  it('has a frozen server, a stopped one, and a node that is deleted', () => {
    const { story, seen, states, registration } = begin();
    const { server } = story;
    story
      .at('5s', () => server.freeze())
      .at('9s', () => server.thaw())
      .at('30s', () => server.stop())
      .at('1m', () => server.start())
      .pass('2m');
    expect(seen()).toEqual(['add a']);
    expect(states.values.at(-1)?.status).toBe('connected');
    story.at('130s', () => server.remove(`${DIRECTORY}/${server.list(DIRECTORY)[0]!}`)).pass('1m');
    expect(seen().slice(-2)).toEqual(['delete a', 'add a']);
    expect(registration.last).toBe('registered');
  });

  it('has a compaction: consumers read anew, miss nothing and are told nothing twice', () => {
    const { story, consumer, seen } = begin();
    const { server } = story;
    const sets = recordOf(consumer.registry.instances(QUERY).pipe(map(namesOf)));
    const other = story.client();
    const registration = other.registry.register(b).subscribe();
    story.at('5s', () => server.compact()).pass('10s');
    expect(seen()).toEqual(['add a', 'add b']);
    story
      .at('20s', () =>
        server.compact(() => {
          registration.unsubscribe();
          other.expire();
        }),
      )
      .pass('20s');
    expect(seen()).toEqual(['add a', 'add b', 'delete b']);
    expect(sets.values.slice(-2)).toEqual(['ab', 'a']);
  });

  it('goes the same way every time, and no two clients in step', () => {
    const run = (): string[] => {
      const story = scenario({ sessionTimeoutMs: 10_000 });
      const { scheduler } = story;
      const records = [story.client(), story.client()].map(({ registry }) => recordOf(registry.states, { scheduler }));
      story
        .at('5s', () => story.server.cut())
        .at('40s', () => story.server.heal())
        .pass('1m');
      return records.map(String);
    };
    const first = run();
    expect(run()).toEqual(first);
    expect(first[0]).not.toBe(first[1]);
    expect(first[0]).toMatch(/^\(k c\) 5s s .* l .* k .*c\)?$/);
  });

  it('does things in the order of their times, whenever they were said, from the beginning of the scenario', () => {
    const scheduler = new TestScheduler(() => undefined);
    scheduler.frame = 500;
    const story = scenario({ scheduler });
    const done: string[] = [];
    const note = (what: string) => () => done.push(`${what} ${story.nowMs}`);
    story.at(2_000, note('b')).at('1s', note('a')).at('2s', note('c')).pass('1s');
    expect(done).toEqual(['a 1000']);
    expect(scheduler.maxFrames).toBe(new TestScheduler(() => undefined).maxFrames);
    story.at('1s', note('d')).pass('1s');
    expect(done).toEqual(['a 1000', 'd 1000', 'b 2000', 'c 2000']);
  });

  it('throws what a fault throws', () => {
    const story = scenario();
    story.at('1s', () => {
      throw new Error('oops');
    });
    expect(() => story.pass('2s')).toThrow('oops');
  });

  it('lets promises have their turn', async () => {
    const { story, consumer } = begin({ latencyMs: 5 });
    expect(namesOf(await story.settle(consumer.registry.lookup(QUERY)))).toBe('a');
    expect(story.nowMs).toBeLessThan(100);
    const done: string[] = [];
    const { scheduler } = story;
    const chain = async (): Promise<void> => {
      for (const name of ['x', 'y']) {
        await new Promise<void>((resolve) => timer(1_000, scheduler).subscribe(() => resolve()));
        done.push(`${name} ${story.nowMs}`);
      }
    };
    const start = story.nowMs;
    const ended = chain();
    await story.passAsync('5s');
    await ended;
    expect(done).toEqual([`x ${start + 1_000}`, `y ${start + 2_000}`]);
    expect(story.nowMs).toBe(start + 5_000);
  });

  it('settles a promise that rejects, and gives up one that does not settle', async () => {
    const { story, consumer } = begin();
    story.server.cut();
    await expect(story.settle(consumer.registry.lookup(QUERY, { timeoutMs: 2_000 }))).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    await expect(story.settle(new Promise(() => undefined), '1s')).rejects.toThrow('not settled after 1000 ms');
  });

  it('closes every client, after which no timer is left', async () => {
    const { story, states, events } = begin();
    await story.passAsync('5s');
    story.close();
    await story.passAsync('1m');
    expect([states.status, states.last?.status, events.status]).toEqual(['completed', 'closed', 'completed']);
    expect(story.scheduler.actions).toEqual([]);
    expect(story.server.sessions).toEqual([]);
  });

  it('plays inside run on its scheduler, when it is given an end', () => {
    inVirtualTime(({ expectObservable }, scheduler) => {
      const story = scenario({ scheduler, sessionTimeoutMs: 10_000 });
      const [provider, consumer] = [story.client(), story.client()];
      provider.registry.register(a).subscribe();
      story.at('5s', () => provider.expire()).at('1m', () => story.close());
      const told = consumer.registry.subscribe(QUERY).pipe(map(({ type }) => type));
      expectObservable(told.pipe(take(2))).toBe('a 4999ms (d|)', { a: 'add', d: 'delete' });
      expectObservable(told.pipe(ignoreElements())).toBe('1m |');
    });
  });

  it('takes options for each client', () => {
    const story = scenario();
    const client = story.client({ sessionTimeoutMs: 4_000, group: 'shop', reconnect: { maxMs: 200 } });
    client.registry.register(a).subscribe();
    const states = recordOf(client.registry.states);
    story.pass('1s');
    expect(states.last).toMatchObject({ status: 'connected', session: { timeoutMs: 4_000 } });
    expect(story.server.list(`/shop/${QUERY.interface}/providers`)).toHaveLength(1);
  });

  it.each<[string, () => unknown]>([
    ['options that are none', () => scenario(null as never)],
    ['a scheduler that is none', () => scenario({ scheduler: {} as never })],
    ['a session timeout that is none', () => scenario({ sessionTimeoutMs: 0 })],
    ['a latency that is none', () => scenario({ latencyMs: -1 })],
    ['a time that is none', () => scenario().at('5h', () => undefined)],
    ['a time below zero', () => scenario().at(-1, () => undefined)],
    [
      'a time that has passed',
      () =>
        scenario()
          .pass('2s')
          .at('1s', () => undefined),
    ],
    ['an act that is none', () => scenario().at('1s', undefined as never)],
    ['a duration that is none', () => scenario().pass('soon')],
    ['a duration without end', () => scenario().pass(Infinity)],
    ['client options out of range', () => scenario().client({ timeoutMs: -1 })],
    ['a client’s session timeout out of range', () => scenario().client({ sessionTimeoutMs: -1 })],
    ['a client’s waits out of range', () => scenario().client({ reconnect: { baseMs: -1 } })],
  ])('refuses %s', (_, refused) => {
    expect(refused).toThrow(InvalidOptionError);
  });

  it('refuses durations that are none also where it answers with a promise', async () => {
    await expect(scenario().passAsync('5h')).rejects.toThrow(InvalidOptionError);
    await expect(scenario().settle(Promise.resolve(), '5h')).rejects.toThrow(InvalidOptionError);
  });
});
