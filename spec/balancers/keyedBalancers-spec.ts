import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BalancerFactory, consistentHash, rendezvous } from '../../lib/balancers/index.js';
import { crowd, keys, Stage, tally } from './stage.js';
import { CONFIDENCE, misfit, seeded } from './statistics.js';

const draw = seeded(31);
const BALANCERS: readonly (readonly [name: string, factory: BalancerFactory])[] = [
  ['consistentHash', consistentHash({ random: draw })],
  ['rendezvous', rendezvous({ random: draw })],
];

const KEYS = keys(20_000);
const owners = (stage: Stage): string[] => KEYS.map((key) => stage.pick(key)!);

/** Between which instances keys moved, and how many. */
const moves = (before: readonly string[], after: readonly string[]): Record<string, number> =>
  tally(before.flatMap((owner, index) => (owner === after[index] ? [] : [`${owner}>${after[index]}`])));

describe.each(BALANCERS)('%s', (_, factory) => {
  it('keeps a key where it is', () => {
    const stage = new Stage(factory, crowd(20));
    expect(owners(stage)).toEqual(owners(stage));
  });

  it('moves only the keys of one that leaves, and spreads them', () => {
    const stage = new Stage(factory, crowd(20));
    const before = owners(stage);
    stage.leave('host-7');
    const moved = moves(before, owners(stage));
    expect(Object.keys(moved).filter((move) => !move.startsWith('host-7>'))).toEqual([]);
    expect(Object.values(moved).reduce((sum, count) => sum + count, 0)).toBe(tally(before)['host-7']);
    expect(Object.keys(moved).length).toBeGreaterThan(10);
  });

  it('moves keys only to one that comes, and takes them from all', () => {
    const stage = new Stage(factory, crowd(20));
    const before = owners(stage);
    stage.join('new');
    const after = owners(stage);
    const moved = moves(before, after);
    expect(Object.keys(moved).filter((move) => !move.endsWith('>new'))).toEqual([]);
    expect(Object.keys(moved).length).toBeGreaterThan(10);
    stage.leave('new');
    expect(owners(stage)).toEqual(before);
  });

  it('moves keys only from one that weighs less now, and only to one that weighs more', () => {
    const stage = new Stage(factory, crowd(10));
    const before = owners(stage);
    stage.reweigh('host-3', 50);
    const less = owners(stage);
    expect(Object.keys(moves(before, less)).filter((move) => !move.startsWith('host-3>'))).toEqual([]);
    const left = tally(less)['host-3']! / tally(before)['host-3']!;
    expect(left).toBeGreaterThan(0.35);
    expect(left).toBeLessThan(0.65);
    stage.reweigh('host-3', 300);
    const more = owners(stage);
    expect(Object.keys(moves(less, more)).filter((move) => !move.endsWith('>host-3'))).toEqual([]);
    stage.reweigh('host-3', 0);
    expect(Object.keys(moves(more, owners(stage))).filter((move) => !move.startsWith('host-3>'))).toEqual([]);
    stage.reweigh('host-3', 100);
    expect(owners(stage)).toEqual(before);
  });

  it('picks for a key that avoids some who would have it if they had left', () => {
    const stage = new Stage(factory, crowd(20));
    const avoided = new Set(['host-3', 'host-7', 'host-11']);
    const elsewhere = KEYS.map((key) => stage.pick(key, avoided));
    for (const name of avoided) stage.leave(name);
    expect(elsewhere).toEqual(owners(stage));
  });

  it('agrees with any other client that has the same set, whatever came before', () => {
    const weights = fc.dictionary(
      fc.constantFrom(...Array.from({ length: 12 }, (_, index) => `n${index}`)),
      fc.constantFrom(0, 1, 50, 100, 250),
      { minKeys: 1, noNullPrototype: true },
    );
    fc.assert(
      fc.property(weights, weights, fc.boolean(), (now, once, reverse) => {
        const straight = new Stage(factory, now);
        const devious = new Stage(factory, once);
        for (const name of Object.keys(once)) {
          if (name in now) devious.reweigh(name, now[name]!);
          else devious.leave(name);
        }
        const missing = Object.keys(now).filter((name) => !(name in once));
        for (const name of reverse ? missing.reverse() : missing) devious.join(name, now[name]);
        for (const key of KEYS.slice(0, 100)) expect(devious.pick(key)).toBe(straight.pick(key));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('spreads keys that differ in little', () => {
    const stage = new Stage(factory, { a: 100, b: 100 });
    for (const make of [(n: number) => `${n}`, (n: number) => `user-${n}-x`, (n: number) => String.fromCharCode(n)]) {
      const share = tally(Array.from({ length: 4_000 }, (_, index) => stage.pick(make(index))!))['a']! / 4_000;
      expect(share).toBeGreaterThan(0.3);
      expect(share).toBeLessThan(0.7);
    }
  });

  it('takes an empty key for a key', () => {
    const stage = new Stage(factory, crowd(50));
    expect(new Set(stage.picks(20, () => '')).size).toBe(1);
    expect(new Set(stage.picks(20)).size).toBeGreaterThan(5);
  });
});

describe('the shares of consistentHash', () => {
  const deviation = (stage: Stage, weights: Readonly<Record<string, number>>): number => {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    const counts = tally(keys(100_000).map((key) => stage.pick(key)!));
    const offs = Object.entries(weights).map(([name, weight]) => (counts[name] ?? 0) / 100_000 / (weight / total) - 1);
    return Math.sqrt(offs.reduce((sum, off) => sum + off * off, 0) / offs.length);
  };

  it('are off by about one in the square root of the points', () => {
    expect(deviation(new Stage(consistentHash({ points: 64 }), crowd(50)), crowd(50))).toBeLessThan(
      1.4 / Math.sqrt(64),
    );
    expect(deviation(new Stage(consistentHash({ points: 1_000 }), crowd(50)), crowd(50))).toBeLessThan(0.08);
  });

  it('follow the weights', () => {
    const weights = { a: 100, b: 200, c: 400, d: 50 };
    expect(deviation(new Stage(consistentHash({ points: 1_000 }), weights), weights)).toBeLessThan(0.08);
  });

  it('do not fill the memory for a weight that is beyond all measure', () => {
    const stage = new Stage(consistentHash(), { a: 2_147_483_647, b: 100 });
    const counts = tally(keys(10_000).map((key) => stage.pick(key)!));
    expect(counts['b']).toBeGreaterThan(20);
  });
});

describe('the shares of rendezvous', () => {
  it('follow the weights within a twentieth', () => {
    const weights = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`host-${index}`, 100 + 50 * (index % 5)]),
    );
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    const stage = new Stage(rendezvous(), weights);
    const counts = tally(keys(400_000).map((key) => stage.pick(key)!));
    const offs = Object.entries(weights).map(([name, weight]) => counts[name]! / 400_000 / (weight / total) - 1);
    expect(Math.sqrt(offs.reduce((sum, off) => sum + off * off, 0) / offs.length)).toBeLessThan(0.05);
    expect(Math.max(...offs)).toBeLessThan(0.1);
  });
});

describe(`without a key (confidence ${CONFIDENCE})`, () => {
  it.each(BALANCERS)('%s draws as it would for keys', (_, factory) => {
    const stage = new Stage(factory, crowd(10));
    const shares = tally(keys(400_000).map((key) => stage.pick(key)!));
    expect(misfit(tally(stage.picks(20_000)), shares)).toBeLessThan(1);
  });
});
