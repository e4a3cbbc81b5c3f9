import { type MonoTypeOperatorFunction, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../../lib/dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../../lib/instances/index.js';
import { countWork } from './countWork.js';
import { marbles, through } from './marbles.js';
import { textOf, toStrangeSets, toTexts, writeText } from './sets.js';

const MANY = 20_000;

/** What every operator on sets promises; `make` configures it so that it keeps everything of a set that only grows. */
export function keepsTheContract(make: (scheduler: SchedulerLike) => MonoTypeOperatorFunction<InstanceSet>): void {
  describe('as every operator on sets', () => {
    it('is silent for a source that never emits', () =>
      marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
        const source = cold('-----');
        const unsub = '      ----!';
        expectObservable(through(source, make(scheduler)), unsub).toBe('-----');
        expectSubscriptions(source.subscriptions).toBe('^---!');
      }));

    it('completes with an empty source', () =>
      marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
        const source = cold('---|');
        expectObservable(through(source, make(scheduler))).toBe('---|');
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }));

    it('errors at once with the source', () =>
      marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
        const source = cold('-a-#', undefined, 'why');
        expectObservable(through(source, make(scheduler))).toBe('-a-#', undefined, 'why');
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }));

    it('tells the first set, what comes and what changes, and completes with the source', () =>
      marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
        const contents = { a: 'a', b: 'ab', B: 'aB' };
        const source = cold('-a-b-B-|', contents);
        expectObservable(through(source, make(scheduler))).toBe('-a-b-B-|', contents);
        expectSubscriptions(source.subscriptions).toBe('^------!');
      }));

    it('tells a first set that is empty', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        expectObservable(through(cold('-.-a-|'), make(scheduler))).toBe('-.-a-|');
        expectObservable(through(cold('-.-|'), make(scheduler))).toBe('-.-|');
      }));

    it('does not tell the same twice, whoever made the sets', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const source = cold('-a-a-b-b-.-.|', { a: 'a', b: 'ab', '.': 'ab' });
        const expected = '   -a---b------|';
        expectObservable(source.pipe(toStrangeSets(), make(scheduler), toTexts())).toBe(expected, { a: 'a', b: 'ab' });
      }));

    it('stops with its subscriber', () =>
      marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
        const contents = { a: 'a', b: 'b', c: 'abc' };
        const source = cold('-a-c-b--a--', contents);
        const unsub = '      -----!     ';
        expectObservable(through(source, make(scheduler)), unsub).toBe('-a-c', contents);
        expectSubscriptions(source.subscriptions).toBe('^----!');
      }));

    it('has a state for each subscription', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const contents = { a: 'a', b: 'ab' };
        const result = through(cold('a-b|', contents), make(scheduler));
        expectObservable(result).toBe('     a-b|', contents);
        expectObservable(result, '-^').toBe('-a-b|', contents);
      }));

    it('takes a set that comes while it tells one', () =>
      marbles(({ flush }, scheduler) => {
        const ledger = new InstanceLedger();
        const source = new Subject<InstanceSet>();
        const next = (text: string): void => source.next(writeText(ledger, text));
        const told: string[] = [];
        const result = source.pipe(make(scheduler));
        const subscription: Subscription = result.subscribe((set) => {
          told.push(textOf(set));
          if (set.size === 1) next('ab');
          if (set.size === 2) next('abc');
        });
        next('a');
        flush();
        expect(told).toEqual(['a', 'ab', 'abc']);
        next('abcd');
        flush();
        expect(told).toEqual(['a', 'ab', 'abc', 'abcd']);
        subscription.unsubscribe();
      }));

    it('subscribes to nothing before it is subscribed to', () =>
      marbles(({ cold, expectSubscriptions }, scheduler) => {
        const source = cold('a|');
        through(source, make(scheduler));
        expectSubscriptions(source.subscriptions).toBe([]);
      }));

    it(`pays for what changes, not for the other ${MANY}`, () =>
      marbles(({ flush }, scheduler) => {
        const ledger = new InstanceLedger();
        const source = new Subject<InstanceSet>();
        let emissions = 0;
        const subscription = source.pipe(make(scheduler)).subscribe(() => (emissions += 1));
        const write = (host: number, weight?: number): void => {
          ledger.write([
            [`k${host}`, weight ? ServiceUrl.parse(`dubbo://h${host}:1/x.Y?weight=${weight}`) : undefined],
          ]);
          source.next(ledger.set);
          flush();
        };
        ledger.write(
          Array.from({ length: MANY }, (_, host) => [`k${host}`, ServiceUrl.parse(`dubbo://h${host}:1/x.Y`)] as const),
        );
        source.next(ledger.set);
        flush();
        const firsts = emissions;
        const work = countWork(() => {
          for (let round = 0; round < 10; round += 1) {
            write(round, 7);
            write(round + 1_000);
            write(MANY + round, 7);
          }
        });
        subscription.unsubscribe();
        expect(firsts).toBe(1);
        expect(emissions).toBeGreaterThan(10);
        // 30 changes; some operators sift through a heap of log n.
        expect(work / 30).toBeLessThan(100);
      }));
  });
}
