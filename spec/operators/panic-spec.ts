import fc from 'fast-check';
import { concat, delay, map, NEVER, pipe, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, InstanceSet } from '../../lib/instances/index.js';
import { panic, type PanicOptions, type PanicState, stabilize, where } from '../../lib/operators/index.js';
import { keepsTheContract } from './support/contract.js';
import { distinct, histories, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { contentOf, textOf, writeText } from './support/sets.js';

/** Who is written with a capital letter is ill. */
const health = where((instance: ServiceUrl) => instance.parameter('weight') === '100');

describe('panic', () => {
  keepsTheContract(() => panic(where(() => true)));

  it('leaves out the unhealthy, unless too few are left', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-w-x-y-z-u-v-|', { w: 'abcd', x: 'Abcd', y: 'ABcd', z: 'ABCd', u: 'ABCD', v: 'aBcD' });
      const expected = '   -w-x-y-z-u-v-|';
      expectObservable(through(source, panic(health))).toBe(expected, {
        w: 'abcd',
        x: 'bcd',
        y: 'cd',
        z: 'ABCd',
        u: 'ABCD',
        v: 'ac',
      });
      expectSubscriptions(source.subscriptions).toBe('^------------!');
    }));

  it('tells when it panics, once, before the set', () =>
    marbles(({ cold, flush }) => {
      const told: (string | PanicState)[] = [];
      const panics = { next: (state: PanicState) => told.push(state) };
      const source = cold('-w-z-y-v-|', { w: 'abcd', z: 'ABCd', y: 'ABCDe', v: 'aBcD' });
      through(source, panic(health, { panics })).subscribe((text) => told.push(text));
      flush();
      expect(told).toEqual([
        { panicking: false, healthy: 4, known: 4 },
        'abcd',
        { panicking: true, healthy: 1, known: 4 },
        'ABCd',
        'ABCDe',
        { panicking: false, healthy: 2, known: 4 },
        'ac',
      ]);
    }));

  it('calms down only when enough are well again', () =>
    marbles(({ cold, expectObservable }) => {
      const source = cold('w-x-y-z-|', { w: 'ABCd', x: 'ABcd', y: 'Abcd', z: 'ABcd' });
      const expected = '   w-x-y-z-|';
      const options = { threshold: 0.5, recoverAt: 0.75 };
      expectObservable(through(source, panic(health, options))).toBe(expected, {
        w: 'ABCd',
        x: 'ABcd',
        y: 'bcd',
        z: 'cd',
      });
    }));

  it('panics at less than its threshold, not at it', () =>
    marbles(({ cold, expectObservable }) => {
      const ten = { x: 'ABCDEFGHIj', y: 'ABCDEFGHIJk' };
      expectObservable(through(cold('x-y|', ten), panic(health, { threshold: 0.1 }))).toBe('p-q|', {
        p: 'j',
        q: 'ABCDEFGHIJk',
      });
      expectObservable(through(cold('x|', { x: 'AB' }), panic(health, { threshold: 0 }))).toBe('.|');
      expectObservable(through(cold('x|', { x: 'Ab' }), panic(health, { threshold: 1 }))).toBe('x|', { x: 'Ab' });
      expectObservable(through(cold('.|'), panic(health, { threshold: 1 }))).toBe('.|');
    }));

  it('tells one set for a change that health answers at once', () =>
    marbles(({ cold, expectObservable, flush }) => {
      const source = cold('x-y-z|', { x: 'ab', y: 'abcdef', z: 'ab' });
      const expected = '   x-y-z|';
      const states: PanicState[] = [];
      const panics = { next: (state: PanicState) => states.push(state) };
      const result = through(source, panic(health, { panics, threshold: 0.9 }));
      expectObservable(result).toBe(expected, { x: 'ab', y: 'abcdef', z: 'ab' });
      flush();
      // Were it judged before health has answered, four of six would seem to be ill.
      expect(states).toEqual([{ panicking: false, healthy: 2, known: 2 }]);
    }));

  it('takes health that answers late, or by itself', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('x---y------|', { x: 'ab', y: 'abcd' });
      const expected = '   --p---q----|';
      const late = panic(delay(2, scheduler), { threshold: 0.3 });
      expectObservable(through(source, late)).toBe(expected, { p: 'ab', q: 'abcd' });
      expectSubscriptions(source.subscriptions).toBe('^----------!');
    }));

  it('lets health keep who has left, and forgets them with it', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('x-y-z---------|', { x: 'abc', y: 'ab', z: 'AB' });
      const slow = pipe(stabilize({ removeAfterMs: 6, scheduler }), health);
      const expected = '   x---z---y-----|';
      // In a panic c stays, which is healthy as far as health knows.
      expectObservable(through(source, panic(slow))).toBe(expected, { x: 'abc', z: 'ABc', y: 'AB' });
    }));

  it('keeps the healthy as health tells them, also in a panic', () =>
    marbles(({ cold, expectObservable }) => {
      const altered = map(() => new InstanceSet(contentOf('A')));
      expectObservable(through(cold('x|', { x: 'abc' }), panic(altered))).toBe('y|', { y: 'Abc' });
      expectObservable(through(cold('x|', { x: 'ab' }), panic(altered))).toBe(' y|', { y: 'A' });
    }));

  it('waits for the first word of health', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('x-y-', { x: 'ab', y: 'abc' });
      expectObservable(
        through(
          source,
          panic(() => NEVER),
        ),
        '---!',
      ).toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it('errors with health, and completes when both have', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('x-y-', { x: 'ab', y: 'abc' });
      const sick = panic(() => cold('-#', undefined, 'why'));
      expectObservable(through(source, sick)).toBe('-#', undefined, 'why');
      expectSubscriptions(source.subscriptions).toBe('^!');
      expectObservable(
        through(
          cold('x-|', { x: 'ab' }),
          panic((sets) => concat(sets, cold<never>('---|'))),
        ),
      ).toBe('x----|', {
        x: 'ab',
      });
    }));

  it('takes a set that comes while it tells of a panic', () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    const told: string[] = [];
    const panics = {
      next: ({ panicking }: PanicState) => panicking && source.next(writeText(ledger, 'abcd')),
    };
    source.pipe(panic(health, { panics })).subscribe((set) => told.push(textOf(set)));
    source.next(writeText(ledger, 'abcD'));
    source.next(writeText(ledger, 'aBCD'));
    expect(told).toEqual(['abc', 'abcd']);
  });

  it('is what one would make of every set', () => {
    fc.assert(
      fc.property(
        histories,
        fc.constantFrom(0, 0.2, 0.5, 0.75, 1),
        fc.constantFrom(0, 0.25),
        (history, threshold, margin) => {
          const recoverAt = Math.min(1, threshold + margin);
          const states: PanicState[] = [];
          const panics = { next: (state: PanicState) => states.push(state) };
          const told = play(history, () => panic(health, { threshold, recoverAt, panics }));
          const wantedStates: boolean[] = [];
          let panicking = false;
          const wanted = history.map(({ at, text }) => {
            const all = text.replace('.', '');
            const well = all.replace(/[A-Z]/g, '');
            const share = all === '' ? 1 : well.length / all.length;
            panicking = share < (panicking ? recoverAt : threshold);
            if (panicking !== (wantedStates.at(-1) ?? !panicking)) wantedStates.push(panicking);
            return { at, text: (panicking ? all : well) || '.' };
          });
          expect(told).toEqual(distinct(wanted));
          expect(states.map((state) => state.panicking)).toEqual(wantedStates);
        },
      ),
    );
  });

  it.each([
    [undefined, {}],
    [health, { threshold: 2 }],
    [health, { threshold: -1 }],
    [health, { threshold: 0.5, recoverAt: 0.4 }],
    [health, { recoverAt: NaN }],
  ])('refuses %o with %j', (operator, options) => {
    expect(() => panic(operator as typeof health, options as PanicOptions)).toThrow(InvalidOptionError);
  });
});
