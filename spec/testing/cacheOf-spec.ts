import { map } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { combineRegistries, createRegistry, type InstanceSet, InvalidOptionError } from '../../lib/index.js';
import { cacheOf, FAKE_INTERFACE, fakeInstances, marbleBackend, recordOf, scenario } from '../../lib/testing/index.js';

const query = { interface: FAKE_INTERFACE };
const [a, b, c] = fakeInstances(3);
const [stranger] = fakeInstances(1, { interface: 'com.acme.Other' });
const textOf = ({ origin, ageMs, size }: InstanceSet): string => `${origin} ${ageMs} ${size}`;

let scheduler: TestScheduler;
beforeEach(() => {
  scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
});

describe('cacheOf', () => {
  it('is told after afterMs, where the registry does not answer before', () => {
    scheduler.run(({ expectObservable }) => {
      const backend = marbleBackend({ states: '5s c', contents: 'x', values: { x: [b, c] } });
      const cache = cacheOf([a, b, stranger], { ageMs: 1_000 });
      const sets = createRegistry(backend, { cache }).instances(query).pipe(map(textOf));
      expectObservable(sets, '10s !').toBe('2s k 2999ms r', { k: 'kept 1000 2', r: 'registry 0 2' });
    });
  });

  it('is not told where the registry answers in time', () => {
    scheduler.run(({ expectObservable }) => {
      const backend = marbleBackend({ states: '1s c', contents: 'x', values: { x: [b] } });
      const sets = createRegistry(backend, { cache: cacheOf([a, b]) })
        .instances(query)
        .pipe(map(textOf));
      expectObservable(sets, '10s !').toBe('1s r', { r: 'registry 0 1' });
    });
  });

  it('goes into the clients of a scenario, and keeps what they are told', () => {
    const story = scenario();
    const cache = cacheOf([a], { scheduler: story.scheduler, afterMs: 500 });
    const provider = story.client().registry;
    provider.register(b).subscribe();
    const client = story.client({ cache });
    client.cut();
    const sets = recordOf(client.registry.instances(query).pipe(map(textOf)), story);
    story.pass('1s');
    expect(sets.values).toEqual(['kept 60000 1']);
    client.heal();
    story.pass('1m');
    expect(sets.values.slice(1)).toEqual(['registry 0 1']);
    expect([...cache.texts.values()].join()).toContain(b.host);
    story.close();
  });

  it('refuses what it cannot be made of', () => {
    expect(() => cacheOf('a' as never)).toThrow(InvalidOptionError);
    expect(() => cacheOf([], { ageMs: -1 })).toThrow(InvalidOptionError);
    expect(() => cacheOf([], { afterMs: -1 })).toThrow(InvalidOptionError);
  });
});

describe('two scripted registries as one', () => {
  it('take nothing back while one is away, and wait for the slower one', () => {
    scheduler.run(({ expectObservable }) => {
      const values = { x: [a], y: [a, b], z: [] };
      const eu = createRegistry(marbleBackend({ states: 'c 4s s 4s c', contents: 'x 5s z', values }));
      const us = createRegistry(marbleBackend({ states: '500ms c', contents: 'x 2s y', values }));
      const sizes = combineRegistries({ eu, us })
        .instances(query)
        .pipe(map(({ size }) => size));
      expectObservable(sizes, '20s !').toBe('500ms a 1500ms b', { a: 1, b: 2 });
    });
  });

  it('tell what was kept of the one that is away, marked as long as that is', () => {
    scheduler.run(({ expectObservable }) => {
      const values = { x: [a], y: [b] };
      const eu = createRegistry(marbleBackend({ states: '9s c', contents: 'x', values }), { cache: cacheOf([a]) });
      const us = createRegistry(marbleBackend({ contents: 'y', values }));
      const sets = combineRegistries({ eu, us })
        .instances(query)
        .pipe(map(({ origin, size }) => `${origin} ${size}`));
      expectObservable(sets, '12s !').toBe('1s r 999ms k 6999ms s', {
        r: 'registry 1',
        k: 'kept 2',
        s: 'registry 2',
      });
    });
  });
});
