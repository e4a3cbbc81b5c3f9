import fc from 'fast-check';
import { of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, InstanceSet } from '../../lib/instances/index.js';
import { preferZone, type PreferZoneOptions } from '../../lib/operators/index.js';
import { keepsTheContract } from './support/contract.js';
import { countWork } from './support/countWork.js';
import { distinct, histories, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { keyOf, writeText } from './support/sets.js';

/** a and b are in the zone `1`, c in `2`, d in `3`, all others nowhere. */
const ZONES: Readonly<Record<string, string>> = { a: '1', b: '1', c: '2', d: '3' };
const zoneOf = ({ host }: ServiceUrl): string | undefined => ZONES[host];
/** For histories: who has changed has moved to zone 3. */
const movingZoneOf = (instance: ServiceUrl): string | undefined =>
  instance.parameter('weight') === '200' ? '3' : zoneOf(instance);

/** Which of these services are kept. */
function kept(zone: string, options: PreferZoneOptions, ...parameters: string[]): string[] {
  const services = parameters.map((query, i) => [`k${i}`, ServiceUrl.parse(`dubbo://h${i}:1/x.Y?${query}`)] as const);
  let hosts: string[] = [];
  of(new InstanceSet(new Map(services)))
    .pipe(preferZone(zone, options))
    .subscribe((set) => (hosts = [...set].map(({ host }) => host).sort()));
  return hosts;
}

describe('preferZone', () => {
  keepsTheContract(() => preferZone('eu', { zoneOf: () => 'eu' }));

  it('keeps those of the zone, and all if there are none', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-x-y-z-a-b-c-.-|', {
        x: 'ace',
        y: 'abce',
        z: 'abcde',
        a: 'cde',
        b: 'ce',
        c: 'bce',
        '.': '.',
      });
      const expected = '   -x-y---a-b-c-.-|';
      expectObservable(through(source, preferZone('1', { zoneOf }))).toBe(expected, {
        x: 'a',
        y: 'ab',
        a: 'cde',
        b: 'ce',
        c: 'b',
        '.': '.',
      });
      expectSubscriptions(source.subscriptions).toBe('^--------------!');
    }));

  it('adds the next best until there are enough, and no more', () =>
    marbles(({ cold, expectObservable }) => {
      const contents = { w: 'abcde', x: 'acde', y: 'ade', z: 'ae', v: 'e', b: 'ab', c: 'ac', d: 'ad' };
      const options: PreferZoneOptions = { zoneOf, minimum: 2, fallback: ['2', '3'] };
      const source = cold('                                              w-x-y-z-v-w|', contents);
      expectObservable(through(source, preferZone('1', options))).toBe(' b-c-d-z-v-b|', contents);
      const strict = preferZone('1', { ...options, elsewhere: false });
      const alone = { ...contents, z: 'a', v: '.' };
      expectObservable(through(source, strict)).toBe('                   b-c-d-z-v-b|', alone);
      const together = preferZone('1', { ...options, fallback: [['2', '3']] });
      expectObservable(through(source, together)).toBe('                 b-x-d-z-v-b|', { ...contents, x: 'acd' });
    }));

  it('follows an instance that moves, and one that changes', () =>
    marbles(({ cold, expectObservable }) => {
      const contents = { x: 'ac', y: 'Ac', z: 'AC', w: 'bC', v: 'bc' };
      expectObservable(through(cold('x-y-z-w-v|', contents), preferZone('1', { zoneOf: movingZoneOf }))).toBe(
        '                            x-y-z-w--|',
        { x: 'a', y: 'Ac', z: 'AC', w: 'b' },
      );
    }));

  it('reads the zone from a parameter', () => {
    expect(kept('eu', {}, 'zone=eu', 'zone=us', 'a=b')).toEqual(['h0']);
    expect(kept('eu', { zoneOf: 'region' }, 'region=us', 'region=eu', 'zone=eu')).toEqual(['h1']);
    expect(kept('eu', { fallback: [''] }, 'zone=us', 'a=b')).toEqual(['h1']);
  });

  it('can be Dubbo’s rule for tags', () => {
    const tagged = (...parameters: string[]) =>
      kept('gray', { zoneOf: 'dubbo.tag', fallback: [''], elsewhere: false }, ...parameters);
    expect(tagged('dubbo.tag=gray', 'a=b', 'dubbo.tag=blue')).toEqual(['h0']);
    expect(tagged('a=b', 'dubbo.tag=', 'dubbo.tag=blue')).toEqual(['h0', 'h1']);
    expect(tagged('dubbo.tag=blue')).toEqual([]);
  });

  it('is what one would choose from every set', () => {
    const tiersOf = (text: string, fallback: readonly (readonly string[])[], elsewhere: boolean): string[] => {
      const zones = [['1'], ...fallback];
      const zone = (letter: string): string => (letter === letter.toLowerCase() ? (ZONES[letter] ?? '') : '3');
      const letters = [...text.replace('.', '')];
      const named = zones.map((names) => letters.filter((letter) => names.includes(zone(letter))).join(''));
      const others = letters.filter((letter) => !zones.flat().includes(zone(letter))).join('');
      return elsewhere ? [...named, others] : named;
    };
    fc.assert(
      fc.property(
        histories,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom([], [['2']], [['2'], ['3']], [['3', '2']], [['']]),
        fc.boolean(),
        (history, minimum, fallback, elsewhere) => {
          const options = { minimum, fallback, elsewhere, zoneOf: movingZoneOf };
          const told = play(history, () => preferZone('1', options));
          const wanted = history.map(({ at, text }) => {
            let chosen = '';
            for (const tier of tiersOf(text, fallback, elsewhere)) if (chosen.length < minimum) chosen += tier;
            const sorted = [...chosen].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
            return { at, text: sorted.join('') || '.' };
          });
          expect(told).toEqual(distinct(wanted));
        },
      ),
    );
  });

  it('goes over to a small fallback without looking at the rest', () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    let size = 0;
    source.pipe(preferZone('1', { zoneOf, fallback: ['2'] })).subscribe((set) => (size = set.size));
    source.next(writeText(ledger, 'ac'));
    ledger.write(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, ServiceUrl.parse(`dubbo://h${i}:1/x.Y`)] as const));
    source.next(ledger.set);
    expect(size).toBe(1);
    const work = countWork(() => {
      ledger.write([[keyOf('a'), undefined]]);
      source.next(ledger.set);
    });
    expect(size).toBe(1);
    expect(work).toBeLessThan(100);
  });

  it.each<[unknown, unknown]>([
    ['', {}],
    [undefined, {}],
    [1, {}],
    ['eu', { minimum: 0 }],
    ['eu', { minimum: 1.5 }],
    ['eu', { minimum: '1' }],
    ['eu', { fallback: 'us' }],
    ['eu', { fallback: [1] }],
    ['eu', { fallback: [[1]] }],
    ['eu', { fallback: ['eu'] }],
    ['eu', { fallback: ['us', ['us']] }],
    ['eu', { elsewhere: 'no' }],
    ['eu', { zoneOf: '' }],
    ['eu', { zoneOf: 1 }],
  ])('refuses %j with %j', (zone, options) => {
    expect(() => preferZone(zone as string, options as PreferZoneOptions)).toThrow(InvalidOptionError);
  });
});
