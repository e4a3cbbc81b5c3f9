import { readFileSync } from 'node:fs';
import { map, mergeMap, withLatestFrom } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { combineRegistries, createRegistry } from '../../lib/index.js';
import { balance, preferZone, roundRobin } from '../../lib/operators/index.js';
import {
  cacheOf,
  FAKE_INTERFACE,
  fakeInstances,
  legalEvents,
  legalStates,
  marbleBackend,
  marbleCalls,
  recordOf,
  scenario,
} from '../../lib/testing/index.js';

const query = { interface: FAKE_INTERFACE };
const [a, b] = fakeInstances(2);
const inOrder = { random: () => 0 };
let scheduler: TestScheduler;
beforeEach(() => {
  scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
});

const guide = readFileSync('docs/guides/testing.md', 'utf8');
const blocks = [...guide.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code!);

describe('the guide', () => {
  it('keeps serving while ZooKeeper is away for 30 s', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const states = '               c 10s s 30s c'; //  connected, suspended, connected again
      const contents = '             x 20s y'; //        b alone is left while nobody can look
      const requests = hot('         5s r 14999ms r 14999ms r 14999ms r 14999ms r');
      const backend = marbleBackend({ states, contents, values: { x: [a, b], y: [b] } });
      const picker = createRegistry(backend)
        .instances(query)
        .pipe(balance(roundRobin(inOrder)));
      const hosts = requests.pipe(withLatestFrom(picker, (_, now) => now.pick()?.host));
      expectObservable(hosts).toBe('5s a 14999ms b 14999ms a 14999ms b 14999ms b', { a: a.host, b: b.host });
    });
  });

  it('shows two services that change apart from each other', () => {
    scheduler.run(({ expectObservable }) => {
      const [order] = fakeInstances(1, { interface: 'com.acme.OrderService' });
      const backend = marbleBackend({
        contents: ['x-----y', '---o'],
        values: { x: [a], y: [a, b], o: [order] },
      });
      const sizes = createRegistry(backend)
        .instances({ interface: '*' })
        .pipe(map(({ size }) => size));
      expectObservable(sizes).toBe('1--2--3', { 1: 1, 2: 2, 3: 3 });
    });
  });

  it('registers anew after the session was lost', () => {
    scheduler.run(({ flush }) => {
      const backend = marbleBackend({ states: 'c 9s l 4s c' });
      createRegistry(backend).register(a).subscribe();
      flush();
      expect(backend.history.map(({ atMs, type }) => `${atMs} ${type}`)).toEqual([
        '0 registered',
        '9001 expired',
        '13002 registered',
      ]);
    });
  });

  it('is back after a partition that outlived its session', async () => {
    const story = scenario({ sessionTimeoutMs: 10_000 });
    const [provider, consumer] = [story.client(), story.client()];
    provider.registry.register(a).subscribe();
    const events = recordOf(consumer.registry.subscribe(query).pipe(legalEvents()), story);
    story
      .at('5s', () => provider.cut())
      .at('40s', () => provider.heal())
      .pass('1m');
    expect(events.values.map(({ type }) => type)).toEqual(['add', 'delete', 'add']);
    expect((await story.settle(consumer.registry.lookup(query))).size).toBe(1);
  });

  it('is suspended, and connected again in the same session', () => {
    const story = scenario();
    const client = story.client({ reconnect: { maxMs: 100 } });
    const states = recordOf(client.registry.states.pipe(legalStates()), story);
    story
      .at('5s', () => client.cut())
      .at('6s', () => client.heal())
      .pass('10s');
    expect(String(states)).toMatch(/^\(k c\) 5s s \d+ms c$/);
  });

  it('serves from the cache while one of two registries is away', () => {
    scheduler.run(({ expectObservable }) => {
      const values = { x: [a], y: [b] };
      const eu = createRegistry(marbleBackend({ states: '9s c', contents: 'x', values }), { cache: cacheOf([a]) });
      const us = createRegistry(marbleBackend({ contents: 'y', values }));
      const sets = combineRegistries({ eu, us }).instances(query);
      const told = sets.pipe(map(({ origin, size }) => `${origin} ${size}`));
      expectObservable(told, '12s !').toBe('1s r 999ms k 6999ms s', { r: 'registry 1', k: 'kept 2', s: 'registry 2' });
    });
  });

  it('asks elsewhere when the first one is slow, and takes the first answer', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const calls = marbleCalls([
        [a, '50ms x|'],
        [b, '5ms y|'],
      ]);
      const backend = marbleBackend({ contents: 's', values: { s: [a, b] } });
      const picker = createRegistry(backend)
        .instances(query)
        .pipe(balance(roundRobin(inOrder)));
      const answers = cold('-r').pipe(
        withLatestFrom(picker),
        mergeMap(([, now]) => now.hedge(calls.call, { afterMs: 10 })),
      );
      expectObservable(calls.begun).toBe('    -a 9ms b', { a: a.host, b: b.host });
      expectObservable(calls.cancelled).toBe('16ms a', { a: a.host });
      expectObservable(answers).toBe('        16ms y');
    });
  });

  it('prefers its own zone', () => {
    scheduler.run(({ expectObservable }) => {
      const four = fakeInstances(4, { zone: ['eu-1', 'us-1'], weight: [100, 100, 50] });
      const backend = marbleBackend({ contents: 'x', values: { x: four } });
      const near = createRegistry(backend).instances(query).pipe(preferZone('us-1'));
      expectObservable(near.pipe(map(({ size }) => size))).toBe('n', { n: 2 });
    });
  });

  it('has no other code than what runs here', () => {
    const here = readFileSync(import.meta.filename, 'utf8').replace(/^ {2}/gm, '');
    const tests = blocks.filter((code) => code.startsWith('it('));
    expect(tests).toHaveLength(8);
    for (const code of tests) expect(here).toContain(code);
    expect(here.match(/^it\(/gm)).toHaveLength(tests.length + 1);
  });
});
