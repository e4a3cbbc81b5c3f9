import fc from 'fast-check';
import { type Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../lib/errors.js';
import { emptyProtection } from '../../lib/operators/index.js';
import { keepsTheContract } from './support/contract.js';
import { at, distinct, histories, type Moment, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';

const CONTENTS = { '.': '.', a: 'a', b: 'ab', c: 'abcd', B: 'aB' };

describe('emptyProtection', () => {
  keepsTheContract((scheduler) => emptyProtection({ holdMs: 5, minShare: 0.5, scheduler }));

  it('keeps the last instances for a time, and then believes that they are gone', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('-b-.----------a-|', CONTENTS);
      const expected = '   -b------.-----a-|';
      expectObservable(through(source, emptyProtection({ holdMs: 5, scheduler }))).toBe(expected, CONTENTS);
      expectSubscriptions(source.subscriptions).toBe('^---------------!');
    }));

  it('forgets a doubt as soon as anybody is there', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('-b-.--a----b-.--b------|', CONTENTS);
      const expected = '   -b----a----b-----------|';
      expectObservable(through(source, emptyProtection({ holdMs: 5, scheduler }))).toBe(expected, CONTENTS);
    }));

  it('passes a removal that leaves somebody', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('c-a-|', CONTENTS);
      expectObservable(through(source, emptyProtection({ holdMs: 5, scheduler }))).toBe('c-a-|', CONTENTS);
    }));

  it('keeps those of a mass removal beside those who come, until there are enough or the time is over', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const contents = { ...CONTENTS, e: 'ae', f: 'aef', s: 'abcde', S: 'Abcde', A: 'Ae', z: '.' };
      const operator = emptyProtection({ holdMs: 7, minShare: 0.75, scheduler });
      // a is 1 of 4, ae and Ae 2 of 4, aef 3 of 4.
      expectObservable(through(cold('c-a-e-A-f---|   ', contents), operator)).toBe('c---s-S-f---|', contents);
      expectObservable(through(cold('c-a-e-A------|  ', contents), operator)).toBe('c---s-S--A---|', contents);
      // What was believed is what the next removal is measured by.
      expectObservable(through(cold('c-a----------z-----------|', contents), operator)).toBe(
        '                           c--------a----------z----|',
        contents,
      );
    }));

  it('is not talked into holding longer', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const contents = { ...CONTENTS, x: 'a', y: 'b' };
      const source = cold('c-xyxyxyxyx|', contents);
      const expected = '   c-----xyxyx|';
      expectObservable(through(source, emptyProtection({ holdMs: 4, minShare: 0.5, scheduler }))).toBe(
        expected,
        contents,
      );
    }));

  it('believes evidence, and asks for it only while it doubts', () =>
    marbles(({ cold, hot, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('  -b-.-----b-.--b--.--|', CONTENTS);
      const evidence = hot(' xx---xx----------xx--');
      const expected = '     -b---.---b--------.-|';
      const operator = emptyProtection({ holdMs: 9, evidence, scheduler });
      expectObservable(through(source, operator)).toBe(expected, CONTENTS);
      expectSubscriptions(evidence.subscriptions).toBe([
        '                    ---^-!',
        '                    -----------^--!',
        '                    -----------------^!',
      ]);
    }));

  it('asks for evidence once, however often the source changes meanwhile', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const contents = { ...CONTENTS, e: 'ae', s: 'abcde' };
      const evidence = cold('-----x');
      const source = cold('c-a-e-a------|', contents);
      const expected = '   c---s--a-----|';
      const operator = emptyProtection({ holdMs: 9, minShare: 0.75, evidence, scheduler });
      expectObservable(through(source, operator)).toBe(expected, contents);
      expectSubscriptions(evidence.subscriptions).toBe('--^----!');
    }));

  it('takes evidence that is there already, and does without one that completes', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const operator = (evidence: Observable<unknown>) => emptyProtection({ holdMs: 4, evidence, scheduler });
      expectObservable(through(cold('b-.---b-|', CONTENTS), operator(of(1)))).toBe('b-.---b-|', CONTENTS);
      expectObservable(through(cold('b-.-----|', CONTENTS), operator(of()))).toBe(' b-----.-|', CONTENTS);
    }));

  it('errors with the evidence', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('b-.------', CONTENTS);
      const evidence = cold('-#', undefined, 'why');
      const operator = emptyProtection({ holdMs: 4, evidence, scheduler });
      expectObservable(through(source, operator)).toBe('b--#', CONTENTS, 'why');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it('asks for no evidence any more when it is unsubscribed from', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const evidence = cold('-----');
      const operator = emptyProtection({ holdMs: 9, evidence, scheduler });
      expectObservable(through(cold('b-.---', CONTENTS), operator), '----!').toBe('b', CONTENTS);
      expectSubscriptions(evidence.subscriptions).toBe('             --^-!');
    }));

  it('believes the source when that completes, but not when it fails', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const evidence = cold('-----------');
      const operator = emptyProtection({ holdMs: 9, evidence, scheduler });
      expectObservable(through(cold('b-.-|', CONTENTS), operator)).toBe('b---(.|)', CONTENTS);
      expectObservable(through(cold('b-.-#', CONTENTS), operator)).toBe('b---#', CONTENTS);
      expectSubscriptions(evidence.subscriptions).toBe(['--^-!', '--^-!']);
    }));

  it('is what it says, at every moment of every history', () => {
    fc.assert(
      fc.property(
        histories,
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(0, 0.3, 0.5, 0.9, 1),
        (history, holdMs, minShare) => {
          const told = play(history, (scheduler) => emptyProtection({ holdMs, minShare, scheduler }));
          expect(told).toEqual(distinct(told));
          const end = history.at(-1)!.at + holdMs;
          for (let now = history[0]!.at; now <= end; now += 1) {
            expect(at(told, now), `at ${now}`).toBe(expectedAt(history, holdMs, minShare, now));
          }
          expect(told.at(-1)!.text).toBe(history.at(-1)!.text);
        },
      ),
    );
  });

  it.each([
    [{ holdMs: 0 }],
    [{ holdMs: NaN }],
    [{ holdMs: undefined }],
    [{ holdMs: Infinity }],
    [{ holdMs: 1, minShare: 1.1 }],
    [{ holdMs: 1, minShare: -0.1 }],
    [{ holdMs: 1, minShare: '1' }],
  ])('refuses %j', (options) => {
    expect(() => emptyProtection(options as { holdMs: number })).toThrow(InvalidOptionError);
  });
});

/** Replays what the documentation says. */
function expectedAt(history: readonly Moment[], holdMs: number, minShare: number, now: number): string {
  let shown = '';
  let believed = 0;
  let doubt: { since: number; last: string } | undefined;
  const sizeOf = (text: string): number => text.replace('.', '').length;
  const believe = (text: string): void => {
    shown = text.replace('.', '');
    believed = shown.length;
    doubt = undefined;
  };
  for (const { at: when, text } of history) {
    if (when > now) break;
    // What comes at the very moment is looked at first.
    if (doubt && doubt.since + holdMs < when) believe(doubt.last);
    const size = sizeOf(text);
    if (believed === 0 || (size > 0 && size >= minShare * believed)) believe(text);
    else {
      doubt = { since: doubt?.since ?? when, last: text };
      const there = new Map([...shown, ...text.replace('.', '')].map((letter) => [letter.toLowerCase(), letter]));
      shown = [...there.values()].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)).join('');
    }
  }
  if (doubt && doubt.since + holdMs <= now) believe(doubt.last);
  return shown || '.';
}
