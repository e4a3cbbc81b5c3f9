import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smoothWeightedRoundRobin } from '../../lib/balancers/index.js';
import { crowd, Stage, tally } from './stage.js';
import { seeded } from './statistics.js';
import { IN_ORDER } from '../support/inOrder.js';

/** How far the picks are from what the weights say, in picks, at the worst moment. */
function worst(weights: Readonly<Record<string, number>>, picked: readonly string[]): number {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const counts = new Map<string, number>();
  let furthest = 0;
  picked.forEach((name, index) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const [each, weight] of Object.entries(weights)) {
      const entitled = ((index + 1) * weight) / total;
      furthest = Math.max(furthest, Math.abs((counts.get(each) ?? 0) - entitled));
    }
  });
  return furthest;
}

/** The well-known way, which looks at all for each pick. */
function nginx(weights: Readonly<Record<string, number>>, times: number): string[] {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const current = new Map(Object.keys(weights).map((name) => [name, 0]));
  return Array.from({ length: times }, () => {
    let best = '';
    for (const [name, weight] of Object.entries(weights)) {
      current.set(name, current.get(name)! + weight);
      if (best === '' || current.get(name)! > current.get(best)!) best = name;
    }
    current.set(best, current.get(best)! - total);
    return best;
  });
}

const someWeights = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 5_000 })), { minLength: 1, maxLength: 12 })
  .map((weights) => Object.fromEntries(weights.map((weight, index) => [`n${index}`, weight])));

describe('smoothWeightedRoundRobin', () => {
  it('spreads the turns of a heavy one', () => {
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 5, b: 1, c: 1 });
    const round = stage.picks(7);
    expect(round.join(' ')).toBe('a a a b a a c');
    expect(stage.picks(7)).toEqual(round);
  });

  it('is plain round robin where all weigh the same', () => {
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 100, b: 100, c: 100 });
    expect(stage.picks(6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('is never more than one pick away from what the weights say, and no further than nginx at its worst', () => {
    fc.assert(
      fc.property(someWeights, (weights) => {
        const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), weights);
        const picked = stage.picks(2_000);
        const furthest = worst(weights, picked);
        expect(furthest).toBeLessThanOrEqual(1 + 1e-9);
        expect(furthest).toBeLessThanOrEqual(Math.max(1, worst(weights, nginx(weights, 2_000))) + 1e-9);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('is never more than two picks away where first turns are drawn', () => {
    fc.assert(
      fc.property(someWeights, fc.integer(), (weights, seed) => {
        const stage = new Stage(smoothWeightedRoundRobin({ random: seeded(seed) }), weights);
        const furthest = worst(weights, stage.picks(2_000));
        expect(furthest).toBeLessThanOrEqual(2);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('gives exactly what the weights say in as many picks as they add up to', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }), (list) => {
        const weights = Object.fromEntries(list.map((weight, index) => [`n${index}`, weight]));
        const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), weights);
        const total = list.reduce((sum, weight) => sum + weight, 0);
        for (let round = 0; round < 3; round++) expect(tally(stage.picks(total))).toEqual(weights);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it('does not lose its evenness in a million picks', () => {
    const weights = { a: 7, b: 3, c: 1, d: 97 };
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), weights);
    stage.picks(1_000_000 - (1_000_000 % 108));
    expect(worst(weights, stage.picks(108))).toBeLessThanOrEqual(1 + 1e-6);
  });

  it('owes nothing to one that comes', () => {
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 100, b: 100 });
    stage.picks(1_000);
    stage.join('c', 100);
    expect(tally(stage.picks(30))).toEqual({ a: 10, b: 10, c: 10 });
  });

  it('keeps what it owes when a weight changes', () => {
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 1, b: 1 });
    expect(stage.pick()).toBe('a');
    // b is owed half a turn and a has had half a turn in advance; both still hold when b weighs three times as much.
    stage.reweigh('b', 3);
    expect(stage.pick()).toBe('b');
    expect(tally(stage.picks(400))).toEqual({ a: 100, b: 300 });
  });

  it('gives nothing twice to one whose weight changes whenever it was served', () => {
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 100, ...crowd(10, 10) });
    const picked = Array.from({ length: 400 }, (_, index) => {
      const name = stage.pick()!;
      if (name === 'a') stage.reweigh('a', 100 + (index % 2));
      return name;
    });
    expect(tally(picked)['a']).toBeGreaterThan(195);
    expect(tally(picked)['a']).toBeLessThan(205);
  });

  it('stays within a pick or two of the weights through ten thousand changes', () => {
    // What those who leave were owed must not add up.
    const stays = { s1: 100, s2: 300 };
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), stays);
    for (let index = 0; index < 10_000; index++) {
      stage.join('guest', 100 + (index % 7) * 50);
      stage.picks(index % 5);
      stage.leave('guest');
      stage.pick();
    }
    expect(worst(stays, stage.picks(400))).toBeLessThanOrEqual(2 + 1e-6);
  });

  it('stays as smooth when guests leave who had just been served', () => {
    // Each had its turn in advance; were that lost, in the end everybody would be due at once.
    const stays = { heavy: 10_000, ...crowd(100, 100) };
    const stage = new Stage(smoothWeightedRoundRobin(IN_ORDER), stays);
    for (let guests = 0; guests < 500; guests++) {
      stage.join('guest', 10_000);
      for (let picked = stage.pick(); picked !== 'guest'; picked = stage.pick());
      stage.leave('guest');
    }
    expect(worst(stays, stage.picks(200))).toBeLessThanOrEqual(2 + 1e-6);
  });

  it('does not change the turns of others when one says something else of itself', () => {
    const one = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 5, b: 3, c: 2 });
    const other = new Stage(smoothWeightedRoundRobin(IN_ORDER), { a: 5, b: 3, c: 2 });
    const picked = one.picks(30);
    expect(
      picked.map(() => {
        other.reweigh('b', 3);
        return other.pick();
      }),
    ).toEqual(picked);
  });

  it('lets a heavy one and very many light ones alternate', () => {
    const weights = { heavy: 10_000, ...crowd(100, 100) };
    const picked = new Stage(smoothWeightedRoundRobin(IN_ORDER), weights).picks(200);
    expect(worst(weights, picked)).toBeLessThanOrEqual(1 + 1e-9);
    const longest = Math.max(
      ...picked
        .join(' ')
        .split('heavy')
        .map((run) => run.trim().split(' ').length),
    );
    expect(longest).toBeLessThanOrEqual(2);
  });
});
