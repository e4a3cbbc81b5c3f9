import fc from 'fast-check';
import { of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, InstanceSet } from '../../lib/instances/index.js';
import { subset, type SubsetOptions } from '../../lib/operators/index.js';
import { rendezvousScore } from '../../lib/operators/rendezvousScore.js';
import { keepsTheContract } from './support/contract.js';
import { countWork } from './support/countWork.js';
import { distinct, histories, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { keyOf } from './support/sets.js';

const SOME_URL = ServiceUrl.parse('dubbo://h:1/x.Y');
const keys = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `providers/dubbo://10.0.${i >> 8}.${i & 255}:20880/com.acme.Users`);

/** Whom a client chooses. */
function choice(present: readonly string[], size: number, by: string): Set<string> {
  let chosen = new Set<string>();
  of(new InstanceSet(new Map(present.map((key) => [key, SOME_URL]))))
    .pipe(subset({ size, by }))
    .subscribe((set) => (chosen = new Set(set.keys())));
  return chosen;
}

const difference = (a: ReadonlySet<string>, b: ReadonlySet<string>): string[] => [...a].filter((key) => !b.has(key));

describe('subset', () => {
  keepsTheContract(() => subset({ size: 15_000, by: 'me' }));

  it('keeps the few that score highest, and replaces one that goes', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const score = rendezvousScore('me');
      const [first, second, third, fourth] = [...'abcd'].sort((a, b) => score(keyOf(b)) - score(keyOf(a))) as [
        string,
        string,
        string,
        string,
      ];
      const sorted = (...letters: string[]): string => letters.sort().join('');
      const source = cold('-x-y-z-w-v|', {
        x: sorted(second, fourth),
        y: sorted(second, third, fourth),
        z: 'abcd',
        w: sorted(first, third, fourth),
        v: sorted(first, third),
      });
      const expected = '   -x-y-z-w--|';
      expectObservable(through(source, subset({ size: 2, by: 'me' }))).toBe(expected, {
        x: sorted(second, fourth),
        y: sorted(second, third),
        z: sorted(first, second),
        w: sorted(first, third),
      });
      expectSubscriptions(source.subscriptions).toBe('^---------!');
    }));

  it('is the same choice whatever the history', () => {
    const score = rendezvousScore('me');
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 7 }), (history, size) => {
        const told = play(history, () => subset({ size, by: 'me' }));
        const wanted = history.map(({ at, text }) => {
          const letters = [...text.replace('.', '')].sort((a, b) => score(keyOf(b)) - score(keyOf(a)));
          const chosen = letters.slice(0, size).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
          return { at, text: chosen.join('') || '.' };
        });
        expect(told).toEqual(distinct(wanted));
      }),
    );
  });

  it('moves at most one of the chosen for one that comes or goes, and none that need not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.string({ minLength: 1 }),
        fc.nat(),
        (count, size, by, at) => {
          const all = keys(count);
          const gone = all[at % count]!;
          const before = choice(all, size, by);
          const after = choice(
            all.filter((key) => key !== gone),
            size,
            by,
          );
          expect(before.size).toBe(Math.min(size, count));
          expect(difference(before, after)).toEqual(before.has(gone) ? [gone] : []);
          expect(difference(after, before)).toHaveLength(before.has(gone) && count > size ? 1 : 0);
        },
      ),
    );
  });

  it('spreads clients over instances as if by lot', () => {
    const [instances, clients, size] = [200, 2_000, 20];
    const load = new Map(keys(instances).map((key) => [key, 0]));
    for (let client = 0; client < clients; client += 1) {
      for (const key of choice([...load.keys()], size, `client-${client}`)) load.set(key, load.get(key)! + 1);
    }
    const mean = (clients * size) / instances;
    const variance = clients * (size / instances) * (1 - size / instances);
    const chiSquare = [...load.values()].reduce((sum, n) => sum + (n - mean) ** 2, 0) / variance;
    // About 200 expected, with a standard deviation of 20.
    expect(chiSquare).toBeGreaterThan(100);
    expect(chiSquare).toBeLessThan(300);
    for (const n of load.values()) expect(Math.abs(n - mean)).toBeLessThan(5 * Math.sqrt(variance));
  });

  it('gives the clients of one that goes to all others alike', () => {
    const all = keys(50);
    const gained = new Map<string, number>();
    let moved = 0;
    for (let client = 0; client < 2_000; client += 1) {
      const before = choice(all, 10, `client-${client}`);
      const after = choice(all.slice(1), 10, `client-${client}`);
      if (!before.has(all[0]!)) continue;
      moved += 1;
      const [heir] = difference(after, before);
      gained.set(heir!, (gained.get(heir!) ?? 0) + 1);
    }
    expect(moved).toBeGreaterThan(320);
    expect(moved).toBeLessThan(480);
    expect(gained.size).toBeGreaterThan(45);
    expect(Math.max(...gained.values())).toBeLessThan(moved * 0.06);
  });

  it('sees to it that one client’s choice says nothing about another’s', () => {
    const all = keys(100);
    let shared = 0;
    for (let pair = 0; pair < 500; pair += 1) {
      const one = choice(all, 10, `client-${pair}`);
      shared += [...choice(all, 10, `client-${pair + 1}`)].filter((key) => one.has(key)).length;
    }
    // One in ten of ten by chance.
    expect(shared / 500).toBeGreaterThan(0.8);
    expect(shared / 500).toBeLessThan(1.2);
  });

  it('replaces one of the chosen of many without looking at the others', () => {
    const ledger = new InstanceLedger();
    const source = new Subject<InstanceSet>();
    let chosen: string[] = [];
    source.pipe(subset({ size: 5, by: 'me' })).subscribe((set) => (chosen = [...set.keys()]));
    ledger.write(keys(20_000).map((key) => [key, SOME_URL] as const));
    source.next(ledger.set);
    const seen = new Set(chosen);
    const work = countWork(() => {
      for (let round = 0; round < 20; round += 1) {
        ledger.write([[chosen[round % 5]!, undefined]]);
        source.next(ledger.set);
        for (const key of chosen) seen.add(key);
      }
    });
    expect(work / 20).toBeLessThan(200);
    expect(chosen).toHaveLength(5);
    expect(seen.size).toBe(25);
    expect(new Set(chosen)).toEqual(choice([...ledger.set.keys()], 5, 'me'));
  });

  it.each([
    [{ size: 0, by: 'a' }],
    [{ size: 1.5, by: 'a' }],
    [{ size: '3', by: 'a' }],
    [{ by: 'a' }],
    [{ size: 1, by: '' }],
    [{ size: 1 }],
    [{ size: 1, by: 7 }],
  ])('refuses %j', (options) => {
    expect(() => subset(options as SubsetOptions)).toThrow(InvalidOptionError);
  });
});

describe('rendezvousScore', () => {
  it('is the same for ever', () => {
    // Were it to change, all clients of a new version would move at once.
    expect(rendezvousScore('client')('key')).toBe(0.2064075118427081);
  });

  it('is from 0 up to but not including 1, and even', () => {
    const scores = keys(10_000).map(rendezvousScore('me'));
    expect(Math.min(...scores)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...scores)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const within = scores.filter((score) => Math.floor(score * 10) === tenth).length;
      expect(Math.abs(within - 1_000)).toBeLessThan(150);
    }
    expect(new Set(scores).size).toBe(10_000);
  });

  it('tells where the client ends and the key begins', () => {
    expect(rendezvousScore('ab')('c')).not.toBe(rendezvousScore('a')('bc'));
  });
});
