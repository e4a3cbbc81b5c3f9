import fc from 'fast-check';
import { from, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InstanceLedger, InstanceSet, type ServiceEvent } from '../../lib/instances/index.js';
import { toEvents, toInstances } from '../../lib/operators/index.js';
import { countWork } from './support/countWork.js';
import { added, deleted, foldLegally, legalEvents, updated } from './support/events.js';
import { histories } from './support/history.js';
import { marbles } from './support/marbles.js';
import { contentOf, toSets, toStrangeSets, writeText } from './support/sets.js';

/** What synchronous sets are told as. */
function eventsOf(sets: readonly InstanceSet[]): ServiceEvent[] {
  const events: ServiceEvent[] = [];
  from(sets)
    .pipe(toEvents())
    .subscribe((event) => events.push(event));
  return events;
}

describe('toEvents', () => {
  it('is silent for a source that never emits', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('----');
      expectObservable(source.pipe(toSets(), toEvents()), '---!').toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it('completes with an empty source, and with one of an empty set', () =>
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('--|').pipe(toSets(), toEvents())).toBe('--|');
      expectObservable(cold('.-|').pipe(toSets(), toEvents())).toBe('--|');
    }));

  it('errors at once with the source', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-#', undefined, 'why');
      expectObservable(source.pipe(toSets(), toEvents())).toBe('a-#', { a: added('a') }, 'why');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }));

  it('stops with its subscriber', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-b-c-', { a: 'a', b: 'ab', c: 'abc' });
      const unsub = '      ---!  ';
      expectObservable(source.pipe(toSets(), toEvents()), unsub).toBe('a-b', { a: added('a'), b: added('b') });
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it('tells all of the first set as added, and then what differs', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a----b----c----.----.-|', { a: 'ab', b: 'aB', c: 'ac', '.': '.' });
      const expected = '   (pq)-u----(rs)-(vw)---|';
      const events = {
        p: added('a'),
        q: added('b'),
        u: updated('b', 'B'),
        r: deleted('B'),
        s: added('c'),
        v: deleted('a'),
        w: deleted('c'),
      };
      expectObservable(source.pipe(toSets(), toEvents())).toBe(expected, events);
      expectSubscriptions(source.subscriptions).toBe('^---------------------!');
    }));

  it('has a state for each subscription', () =>
    marbles(({ cold, expectObservable }) => {
      const result = cold('a-b|', { a: 'a', b: 'b' }).pipe(toStrangeSets(), toEvents(), toArray());
      const all = [added('a'), deleted('a'), added('b')];
      expectObservable(result).toBe('     ---(x|)', { x: all });
      expectObservable(result, '-^').toBe('----(x|)', { x: all });
    }));

  it('tells all of a set before the first of one that comes in between', () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    const told: ServiceEvent[] = [];
    source.pipe(toEvents()).subscribe((event) => {
      told.push(event);
      if (told.length === 1) source.next(writeText(ledger, 'c'));
    });
    source.next(writeText(ledger, 'ab'));
    expect(told).toEqual([added('a'), added('b'), deleted('a'), deleted('b'), added('c')]);
  });

  it('does not tell what differs only in who wrote it and when, and never tells of what it did not tell', () => {
    const url = (timestamp: number, weight: number): ServiceUrl =>
      ServiceUrl.parse(`dubbo://h:1/x.Y?timestamp=${timestamp}&pid=${timestamp}&weight=${weight}`);
    const first = url(1, 100);
    const sets = [first, url(2, 100), url(3, 200), url(4, 200), url(5, 300), url(6, 300), undefined].map(
      (service) => new InstanceSet(new Map(service ? [['k', service]] : [])),
    );
    const events = eventsOf(sets);
    expect(events.map(({ type, service }) => `${type} ${service.parameter('timestamp')}`)).toEqual([
      'add 1',
      'update 3',
      'update 5',
      'delete 5',
    ]);
    expect(() => foldLegally(events)).not.toThrow();
    const again = eventsOf(
      [first, url(2, 100), first, url(3, 200)].map((service) => new InstanceSet(new Map([['k', service]]))),
    );
    expect(again.at(-1)).toMatchObject({ type: 'update', previous: first });
  });

  it('tells legal events that add up to the last set', () => {
    fc.assert(
      fc.property(histories, fc.boolean(), (history, strange) => {
        const ledger = new InstanceLedger();
        const events: ServiceEvent[] = [];
        const source = new Subject<InstanceSet>();
        source.pipe(toEvents()).subscribe((event) => events.push(event));
        for (const { text } of history) {
          source.next(strange ? new InstanceSet(contentOf(text)) : writeText(ledger, text));
          const content = new Map([...contentOf(text)].map(([key, service]) => [key, service.toString()]));
          expect(new Map([...foldLegally(events)].sort())).toEqual(new Map([...content].sort()));
        }
      }),
    );
  });

  it('is the inverse of toInstances', () => {
    fc.assert(
      fc.property(legalEvents, (events) => {
        const back: ServiceEvent[] = [];
        from(events)
          .pipe(toInstances(), toEvents())
          .subscribe((event) => back.push(event));
        expect(back).toEqual(events);
      }),
    );
  });

  it('pays for what changes', () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    const told: string[] = [];
    source.pipe(toEvents()).subscribe(({ type }) => told.push(type));
    ledger.write(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, ServiceUrl.parse(`dubbo://h${i}:1/x.Y`)] as const));
    source.next(ledger.set);
    const work = countWork(() => {
      for (let i = 0; i < 10; i += 1) {
        ledger.write([[`k${i}`, undefined]]);
        source.next(ledger.set);
      }
    });
    expect(told).toHaveLength(20_010);
    expect(work / 10).toBeLessThan(50);
  });
});
