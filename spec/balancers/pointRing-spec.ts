import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashAt, hashText, SEED_ONE, SEED_OTHER } from '../../lib/balancers/shared/hash.js';
import { type PointOwner, PointRing } from '../../lib/balancers/shared/pointRing.js';
import { CONFIDENCE, misfit } from './statistics.js';
import { keys, tally } from './stage.js';

const owner = (key: string): PointOwner => ({ key, points: 0, number: -1 });

/** Where the points of an owner are. */
const placesOf = ({ key, points }: PointOwner): number[] =>
  Array.from({ length: points }, (_, index) => hashAt(hashText(key, SEED_ONE), hashText(key, SEED_OTHER), index));

/** Everybody's points in order, the slow way. */
const sorted = (owners: readonly PointOwner[]) =>
  owners
    .flatMap((each) => placesOf(each).map((place) => ({ place, key: each.key })))
    .sort((a, b) => a.place - b.place || (a.key < b.key ? -1 : 1));

describe('PointRing', () => {
  it('finds the same as a sorted list would, through any changes', () => {
    const act = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), points: fc.nat(40) });
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 30 }),
        fc.array(fc.nat(2 ** 32 - 1), { maxLength: 20 }),
        (acts, places) => {
          const ring = new PointRing<PointOwner>();
          const owners = new Map<string, PointOwner>();
          for (const { key, points } of acts) {
            const known = owners.get(key);
            if (known && points === 0) {
              ring.remove(known);
              owners.delete(key);
            } else if (known) {
              ring.resize(known, points);
            } else if (points > 0) {
              const added = owner(key);
              owners.set(key, added);
              ring.add(added, points);
            }
          }
          const expected = sorted([...owners.values()]);
          expect(ring.size).toBe(expected.length);
          for (const place of places) {
            let point = ring.seek(place);
            if (expected.length === 0) {
              expect(point).toBe(-1);
              continue;
            }
            let index = expected.findIndex((each) => each.place >= place);
            if (index < 0) index = 0;
            for (let steps = 0; steps < 5; steps++) {
              const next = expected[(index + steps) % expected.length]!;
              expect(ring.ownerOf(point).key).toBe(next.key);
              expect(ring.distance(place, point)).toBe((next.place - place + 2 ** 32) % 2 ** 32);
              point = ring.after(point);
            }
          }
        },
      ),
      { numRuns: 300, seed: 7 },
    );
  });

  it('puts two points in one place in the same order, whoever came first', () => {
    const taken = new Map<number, string>();
    let pair: { place: number; keys: string[] } | undefined;
    for (let index = 0; index < 10_000 && !pair; index++) {
      const key = `host-${index}`;
      for (const place of placesOf({ key, points: 40, number: -1 })) {
        const other = taken.get(place);
        if (other !== undefined && other !== key) pair = { place, keys: [key, other].sort() };
        taken.set(place, key);
      }
    }
    for (const keysInOrder of [pair!.keys, pair!.keys.toReversed()]) {
      const ring = new PointRing<PointOwner>();
      for (const key of keysInOrder) ring.add(owner(key), 40);
      expect(ring.ownerOf(ring.seek(pair!.place)).key).toBe(pair!.keys[0]);
    }
  });

  it('has room for no more than eight times the points there are, also when it was much larger once', () => {
    const ring = new PointRing<PointOwner>();
    const crowd = Array.from({ length: 500 }, (_, index) => owner(`host-${index}`));
    for (const each of crowd) {
      ring.add(each, 50);
      expect(ring.capacity).toBeLessThanOrEqual(2 * Math.max(8, ring.size));
    }
    for (const each of crowd) {
      ring.remove(each);
      expect(ring.capacity).toBeLessThanOrEqual(8 * Math.max(8, ring.size));
    }
    expect(ring.size).toBe(0);
  });
});

describe(`hashes (confidence ${CONFIDENCE})`, () => {
  const even = (values: readonly number[]): number => {
    const cells = Object.fromEntries(Array.from({ length: 256 }, (_, index) => [String(index), 1]));
    return misfit(tally(values.map(String)), cells);
  };

  it.each([0, 8, 16, 24])('are even in the eight bits from %d on, for keys that differ in little', (bit) => {
    expect(even(keys(100_000).map((key) => (hashText(key, 1) >>> bit) & 255))).toBeLessThan(1);
    expect(even(keys(100_000).map((_, index) => (hashAt(1, 2, index) >>> bit) & 255))).toBeLessThan(1);
  });

  it('of two seeds have nothing to do with each other', () => {
    const cells = keys(100_000).map(
      (key) => (hashText(key, SEED_ONE) >>> 28) * 16 + (hashText(key, SEED_OTHER) >>> 28),
    );
    expect(even(cells)).toBeLessThan(1);
  });
});
