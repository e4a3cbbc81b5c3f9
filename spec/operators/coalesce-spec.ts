import fc from 'fast-check';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import { coalesce } from '../../lib/operators/index.js';
import { keepsTheContract } from './support/contract.js';
import { at, distinct, histories, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { textOf, toStrangeSets, toTexts, writeText } from './support/sets.js';

describe('coalesce', () => {
  keepsTheContract((scheduler) => coalesce({ scheduler }));

  it('makes one set of a burst', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('-(abc)----d-e----d-|', { a: 'a', b: 'ab', c: 'abc', d: 'ab', e: 'a' });
      const expected = '   -----c--------e----(d|)';
      expectObservable(through(source, coalesce({ auditMs: 4, scheduler }))).toBe(expected, {
        c: 'abc',
        e: 'a',
        d: 'ab',
      });
      expectSubscriptions(source.subscriptions).toBe('^------------------!');
    }));

  it('tells a source that never rests', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const contents = { a: 'a', b: 'ab', c: 'abc' };
      const source = cold('abcabcabcabcabc', contents);
      const expected = '   ---a---b---c---';
      expectObservable(through(source, coalesce({ auditMs: 3, scheduler })), '-------------!').toBe(expected, contents);
    }));

  it('does not tell a burst that comes to nothing, whoever made the sets', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const operator = coalesce({ auditMs: 3, scheduler });
      const contents = { a: 'a', b: 'ab' };
      expectObservable(through(cold('a----ba---b|', contents), operator)).toBe('---a-------(b|)', contents);
      const strange = cold('a----ba---b|', contents).pipe(toStrangeSets(), operator, toTexts());
      expectObservable(strange).toBe('                                          ---a-------(b|)', contents);
    }));

  it('drops what waits when the source fails, and tells it when that completes', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const operator = coalesce({ auditMs: 9, scheduler });
      expectObservable(through(cold('a-#'), operator)).toBe('--#');
      expectObservable(through(cold('a-|'), operator)).toBe('--(a|)');
    }));

  it('tells once per microtask by default', async () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    const told: string[] = [];
    const subscription = source.pipe(coalesce()).subscribe((set) => told.push(textOf(set)));
    for (const text of ['a', 'ab', 'abc']) source.next(writeText(ledger, text));
    expect(told).toEqual([]);
    await Promise.resolve().then(() => undefined);
    expect(told).toEqual(['abc']);
    for (const text of ['a', 'ab']) source.next(writeText(ledger, text));
    await Promise.resolve().then(() => undefined);
    expect(told).toEqual(['abc', 'ab']);
    source.next(writeText(ledger, 'a'));
    subscription.unsubscribe();
    await Promise.resolve().then(() => undefined);
    expect(told).toEqual(['abc', 'ab']);
  });

  it('is never late by more than it says, and never wrong', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 6 }), (history, auditMs) => {
        const told = play(history, (scheduler) => coalesce({ auditMs, scheduler }));
        expect(told).toEqual(distinct(told));
        let lastAt = -Infinity;
        for (const moment of told) {
          expect(moment.at - lastAt).toBeGreaterThanOrEqual(auditMs);
          lastAt = moment.at;
        }
        // What is told at a moment was so at some moment of the wait.
        for (let now = history[0]!.at + auditMs; now <= history.at(-1)!.at + auditMs; now += 1) {
          const wait = history
            .filter((moment) => moment.at > now - auditMs && moment.at <= now)
            .map(({ text }) => text);
          expect([at(history, now - auditMs), ...wait]).toContain(at(told, now));
        }
        expect(told.at(-1)!.text).toBe(history.at(-1)!.text);
      }),
    );
  });

  it.each([0, -1, NaN, Infinity, '5', null])('refuses %s as a wait', (auditMs) => {
    expect(() => coalesce({ auditMs: auditMs as number })).toThrow(InvalidOptionError);
  });
});
