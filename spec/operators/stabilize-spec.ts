import fc from 'fast-check';
import { NEVER, Subject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import { stabilize } from '../../lib/operators/index.js';
import { keepsTheContract } from './support/contract.js';
import { countWork } from './support/countWork.js';
import { at, distinct, histories, type Moment, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { instance, textOf, writeText } from './support/sets.js';

const WAIT = 6;

describe('stabilize', () => {
  keepsTheContract((scheduler) => stabilize({ removeAfterMs: WAIT, scheduler }));

  it('tells who went when they have been away for long enough', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('ab---c-----------|', { a: 'abc', b: 'bc', c: 'c' });
      const expected = '   a------b---c-----|';
      const result = through(source, stabilize({ removeAfterMs: WAIT, scheduler }));
      expectObservable(result).toBe(expected, { a: 'abc', b: 'bc', c: 'c' });
      expectSubscriptions(source.subscriptions).toBe('^----------------!');
    }));

  it('tells those who went together together', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('a-.', { a: 'abc', '.': '.' });
      const expected = '   a-------.';
      expectObservable(through(source, stabilize({ removeAfterMs: WAIT, scheduler })), '---------!').toBe(expected, {
        a: 'abc',
        '.': '.',
      });
    }));

  it('lets nobody flap, however long', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('x-a----x----a-----xa----x--|', { x: 'ab', a: 'a' });
      const expected = '   x--------------------------|';
      // Away for 5, 6 (and back just then) and 5.
      expectObservable(through(source, stabilize({ removeAfterMs: WAIT, scheduler }))).toBe(expected, { x: 'ab' });
    }));

  it('tells at once who comes back changed', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('x-a-y--------|', { x: 'ab', a: 'a', y: 'aB' });
      const expected = '   x---y--------|';
      expectObservable(through(source, stabilize({ removeAfterMs: WAIT, scheduler }))).toBe(expected, {
        x: 'ab',
        y: 'aB',
      });
    }));

  it('lets go of those who wait when the source completes, but not when it fails', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const contents = { x: 'ab', a: 'a' };
      const operator = stabilize({ removeAfterMs: WAIT, scheduler });
      expectObservable(through(cold('x-a-|   ', contents), operator)).toBe('x---(a|)', contents);
      expectObservable(through(cold('x-a-#', contents), operator)).toBe('x---#', contents);
    }));

  it('removes at once if there is nothing to wait for', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const contents = { x: 'ab', a: 'a' };
      const source = cold('x-a-x|', contents);
      expectObservable(through(source, stabilize({ removeAfterMs: 0, scheduler }))).toBe('x-a-x|', contents);
    }));

  it('does so before it returns', () => {
    const ledger = new InstanceLedger();
    const told: string[] = [];
    const source = new Subject<InstanceSet>();
    source.pipe(stabilize({ removeAfterMs: 0 })).subscribe((set) => told.push(textOf(set)));
    source.next(writeText(ledger, 'ab'));
    source.next(writeText(ledger, 'b'));
    expect(told).toEqual(['ab', 'b']);
  });

  it('has one timer, whatever waits, and none if nothing does', () => {
    const scheduler = new TestScheduler(() => undefined);
    scheduler.run(({ cold, flush }) => {
      const timers: number[] = [];
      const source = cold('x-a-b-c-.-a-x-', { x: 'abc', a: 'bc', b: 'c', c: 'c', '.': '.' });
      const counted = Object.assign(Object.create(scheduler) as TestScheduler, {
        schedule: (...args: Parameters<TestScheduler['schedule']>) => {
          const subscription = scheduler.schedule(...args);
          open += 1;
          set += 1;
          subscription.add(() => (open -= 1));
          return subscription;
        },
      });
      let open = 0;
      let set = 0;
      through(source, stabilize({ removeAfterMs: 50, scheduler: counted })).subscribe();
      for (let ms = 1; ms < 14; ms += 1) scheduler.schedule(() => timers.push(open), ms);
      flush();
      expect(Math.max(...timers)).toBe(1);
      expect(timers.at(-1)).toBe(0);
      // It is a's, who went first; whoever else comes and goes leaves it alone.
      expect(set).toBe(1);
    });
  });

  it('does not look at all who wait when one more goes or comes back', () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    const subscription = source.pipe(stabilize({ removeAfterMs: 60_000 })).subscribe();
    const write = (hosts: readonly number[], url?: ServiceUrl): void => {
      ledger.write(hosts.map((host) => [`k${host}`, url] as const));
      source.next(ledger.set);
    };
    const many = Array.from({ length: 20_000 }, (_, host) => host);
    write(many, instance('a'));
    write(many.slice(1));
    const work = countWork(() => {
      write([0]);
      write([7], instance('a'));
      write([8], instance('A'));
    });
    subscription.unsubscribe();
    expect(work).toBeLessThan(200);
  });

  it('measures time with the scheduler of the marbles by itself', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ cold, expectObservable }) => {
      const contents = { x: 'ab', a: 'a' };
      const source = cold('x 9ms a 3s |', contents);
      const expected = '   x 2009ms a 1s |';
      expectObservable(through(source, stabilize({ removeAfterMs: 2_000 }))).toBe(expected, contents);
    });
  });

  it('never hides what is there, keeps nobody longer than it says, and nobody shorter', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 12 }), (history, removeAfterMs) => {
        const told = play(history, (scheduler) => stabilize({ removeAfterMs, scheduler }));
        expect(told).toEqual(distinct(told));
        const end = history.at(-1)!.at + removeAfterMs;
        for (let now = history[0]!.at; now <= end; now += 1) {
          expect(at(told, now), `at ${now}`).toBe(expectedAt(history, removeAfterMs, now));
        }
        expect(told.at(-1)!.text).toBe(history.at(-1)!.text);
        expect(told.at(-1)!.at).toBeLessThanOrEqual(end);
      }),
    );
  });

  it('ends with the set of the source, whatever it held back', () => {
    fc.assert(
      fc.property(histories, fc.nat({ max: 8 }), (history, completeAfterMs) => {
        const told = play(history, (scheduler) => stabilize({ removeAfterMs: WAIT, scheduler }), { completeAfterMs });
        expect(told.at(-1)!.text).toBe(history.at(-1)!.text);
        expect(told.at(-1)!.at).toBeLessThanOrEqual(history.at(-1)!.at + Math.min(WAIT, completeAfterMs));
      }),
    );
  });

  it.each([-1, NaN, Infinity, 2 ** 31, '5', undefined, null])('refuses %s as a wait', (removeAfterMs) => {
    expect(() => stabilize({ removeAfterMs: removeAfterMs as number })).toThrow(InvalidOptionError);
    expect(() => NEVER.pipe(stabilize({ removeAfterMs: removeAfterMs as number }))).toThrow(/removeAfterMs/);
  });
});

/** What there should be: everybody who is there, and who was there last less than so long ago. */
function expectedAt(history: readonly Moment[], removeAfterMs: number, now: number): string {
  const letters = [...'abcdef'].flatMap((letter) => {
    let shown: string | undefined;
    let goneAt: number | undefined;
    for (const { at: when, text } of history) {
      if (when > now) break;
      if (goneAt !== undefined && goneAt + removeAfterMs <= when) {
        // It came back at the very moment when it was due: then it never left.
        const isBack = text.toLowerCase().includes(letter) && goneAt + removeAfterMs === when && removeAfterMs > 0;
        if (!isBack) shown = undefined;
      }
      const present = [...text].find((other) => other.toLowerCase() === letter);
      if (present) [shown, goneAt] = [present, undefined];
      else if (shown !== undefined) goneAt ??= when;
    }
    if (goneAt !== undefined && goneAt + removeAfterMs <= now) shown = undefined;
    return shown ? [shown] : [];
  });
  return letters.join('') || '.';
}
