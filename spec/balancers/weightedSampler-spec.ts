import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AliasTable } from '../../lib/balancers/shared/aliasTable.js';
import { type Sampled, WeightedSampler } from '../../lib/balancers/shared/weightedSampler.js';
import { CONFIDENCE, misfit, seeded } from './statistics.js';
import { tally } from './stage.js';

interface Ball extends Sampled {
  readonly name: string;
}

const ball = (name: string, weight: number): Ball => ({ name, weight, place: 0 });

describe(`AliasTable (confidence ${CONFIDENCE})`, () => {
  it.each([[[1]], [[1, 1, 1]], [[1, 2, 3, 4, 5]], [[1_000, 1, 1, 1]], [[1, 0.25, 1e6, 7, 7]]])(
    'draws as often as %j say',
    (weights) => {
      const table = new AliasTable(31);
      const draw = seeded(3);
      table.build([5, 5, 5, 5, 5, 5], 6);
      table.build(weights, weights.length);
      const drawn = Array.from({ length: 200_000 }, () => String(table.draw(draw())));
      const expected = Object.fromEntries(weights.map((weight, index) => [String(index), weight]));
      if (weights.length > 1) expect(misfit(tally(drawn), expected)).toBeLessThan(1);
      else expect(tally(drawn)).toEqual({ 0: 200_000 });
    },
  );
});

describe(`WeightedSampler (confidence ${CONFIDENCE})`, () => {
  it('draws by weight within and across powers of two, also after items came and went', () => {
    const sampler = new WeightedSampler<Ball>(seeded(4));
    const weights: Record<string, number> = { a: 1, b: 2, c: 3, d: 100, e: 127, f: 64, g: 128, h: 1_000, i: 1_023 };
    const balls = Object.entries(weights).map(([name, weight]) => ball(name, weight));
    const guests = [ball('x', 120), ball('y', 2), ball('z', 900)];
    for (const each of [...guests, ...balls]) sampler.add(each);
    for (const each of guests) sampler.remove(each);
    expect(sampler.size).toBe(9);
    const drawn = Array.from({ length: 300_000 }, () => sampler.draw()!.name);
    expect(misfit(tally(drawn), weights)).toBeLessThan(1);
  });

  it('draws everybody who is there and nobody else, through any changes', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ index: fc.nat(9), weight: fc.integer({ min: 1, max: 9 }) })), (changes) => {
        const sampler = new WeightedSampler<Ball>(seeded(8));
        const present = new Map<number, Ball>();
        for (const { index, weight } of changes) {
          const known = present.get(index);
          if (known) {
            sampler.remove(known);
            present.delete(index);
          } else {
            const added = ball(String(index), weight);
            sampler.add(added);
            present.set(index, added);
          }
        }
        const drawn = new Set(Array.from({ length: 600 }, () => sampler.draw()));
        expect(drawn).toEqual(present.size > 0 ? new Set(present.values()) : new Set([undefined]));
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it('needs no more than one number a draw where all weigh the same', () => {
    let numbers = 0;
    const draw = seeded(5);
    const sampler = new WeightedSampler<Ball>(() => {
      numbers += 1;
      return draw();
    });
    for (let index = 0; index < 50; index++) sampler.add(ball(String(index), 100));
    for (let index = 0; index < 1_000; index++) sampler.draw();
    expect(numbers).toBe(1_000);
  });

  it('has nothing to draw when all have gone', () => {
    const sampler = new WeightedSampler<Ball>(seeded(6));
    const only = ball('a', 7);
    sampler.add(only);
    sampler.remove(only);
    expect(sampler.draw()).toBeUndefined();
  });
});
