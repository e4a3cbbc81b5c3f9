import fc from 'fast-check';
import { from, Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import type { InstanceSet, ServiceEvent } from '../../lib/instances/index.js';
import { coalesce, toEvents, toInstances } from '../../lib/operators/index.js';
import { countWork } from './support/countWork.js';
import { added, deleted, legalEvents, updated } from './support/events.js';
import { histories } from './support/history.js';
import { marbles } from './support/marbles.js';
import { textOf, toSets, toTexts } from './support/sets.js';

const EVENTS = {
  a: added('a'),
  b: added('b'),
  B: updated('b', 'B'),
  x: deleted('a'),
  y: deleted('B'),
  z: deleted('z'),
};

describe('toInstances', () => {
  it('is silent for a source that never emits', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<ServiceEvent>('----');
      expectObservable(source.pipe(toInstances()), '---!').toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it('completes with an empty source, and errors with one that fails', () =>
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<ServiceEvent>('--|').pipe(toInstances())).toBe('--|');
      expectObservable(cold<ServiceEvent>('--#').pipe(toInstances())).toBe('--#');
    }));

  it('tells a set for every event that changes anything', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('abz-B-(xy)-|', EVENTS);
      const expected = '   ab--B-(xy)-|';
      expectObservable(source.pipe(toInstances(), toTexts())).toBe(expected, {
        a: 'a',
        b: 'ab',
        B: 'aB',
        x: 'B',
        y: '.',
      });
      expectSubscriptions(source.subscriptions).toBe('^----------!');
    }));

  it('takes illegal events by their word', () =>
    marbles(({ cold, expectObservable }) => {
      const source = cold('zaaBbx|', EVENTS);
      const expected = '   -a-Bbx|';
      expectObservable(source.pipe(toInstances(), toTexts())).toBe(expected, { a: 'a', B: 'aB', b: 'ab', x: 'b' });
    }));

  it('stops with its subscriber', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-b-B', EVENTS);
      const unsub = '      ---!';
      expectObservable(source.pipe(toInstances(), toTexts()), unsub).toBe('a-b', { a: 'a', b: 'ab' });
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it('has a state for each subscription', () =>
    marbles(({ cold, expectObservable }) => {
      const result = cold('a-b|', EVENTS).pipe(toInstances(), toTexts());
      expectObservable(result).toBe('     a-b|', { a: 'a', b: 'ab' });
      expectObservable(result, '-^').toBe('-a-b|', { a: 'a', b: 'ab' });
    }));

  it('takes an event that comes while it tells a set', () => {
    const source = new Subject<ServiceEvent>();
    const told: string[] = [];
    source.pipe(toInstances()).subscribe((set) => {
      told.push(textOf(set));
      if (set.size === 1) source.next(added('b'));
    });
    source.next(added('a'));
    expect(told).toEqual(['a', 'ab']);
  });

  it('is the inverse of toEvents: the events of a set, coalesced, are the set', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const sets = history.map(({ text }) => text);
        const told: string[] = [];
        const scheduler = new VirtualTimeScheduler();
        const source = new Subject<string>();
        source
          .pipe(toSets(), toEvents(), toInstances(), coalesce({ scheduler }))
          .subscribe((set) => told.push(textOf(set)));
        for (const [at, text] of sets.entries()) scheduler.schedule(() => source.next(text), 10 * at);
        scheduler.flush();
        // An empty set has no events, and one that is the same as the last has none either.
        expect(told).toEqual(sets.filter((text, index) => text !== (sets[index - 1] ?? '.')));
      }),
    );
  });

  it('keeps legal events as they are told', () => {
    fc.assert(
      fc.property(legalEvents, (events) => {
        const sets: InstanceSet[] = [];
        from(events)
          .pipe(toInstances())
          .subscribe((set) => sets.push(set));
        expect(sets).toHaveLength(events.length);
      }),
    );
  });

  it('pays for what changes', () => {
    const source = new Subject<ServiceEvent>();
    let emissions = 0;
    source.pipe(toInstances()).subscribe(() => (emissions += 1));
    const tell = (type: 'add' | 'delete', i: number): void =>
      source.next({ type, key: `k${i}`, service: ServiceUrl.parse(`dubbo://h${i}:1/x.Y`) });
    for (let i = 0; i < 20_000; i += 1) tell('add', i);
    const work = countWork(() => {
      for (let i = 0; i < 10; i += 1) tell('delete', i);
    });
    expect(emissions).toBe(20_010);
    expect(work / 10).toBeLessThan(50);
  });
});
