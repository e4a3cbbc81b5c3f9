import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexedHeap } from '../../lib/operators/indexedHeap.js';

interface Item {
  readonly key: string;
  readonly rank: number;
}

const isBefore = (a: Item, b: Item): boolean => a.rank < b.rank || (a.rank === b.rank && a.key < b.key);

describe('IndexedHeap', () => {
  it('has what a sorted list has, whatever is done to it', () => {
    const step = fc.record({
      key: fc.constantFrom(...'abcdefghijkl'),
      rank: fc.nat({ max: 9 }),
      act: fc.constantFrom('put', 'put', 'put', 'remove', 'shift'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = new IndexedHeap<Item>(isBefore);
        let list: Item[] = [];
        const without = (key: string): Item[] => list.filter((item) => item.key !== key);
        for (const { act, ...item } of steps) {
          const present = list.find(({ key }) => key === item.key);
          if (act === 'put') {
            heap.put(item);
            list = [...without(item.key), item].sort((a, b) => (isBefore(a, b) ? -1 : 1));
          } else if (act === 'remove') {
            expect(heap.remove(item.key)).toBe(present);
            list = without(item.key);
          } else {
            expect(heap.shift()).toBe(list[0]);
            list = list.slice(1);
          }
          expect([heap.size, heap.first]).toEqual([list.length, list[0]]);
          for (const key of 'abcdefghijkl') expect(heap.get(key)).toBe(list.find((other) => other.key === key));
        }
        for (const item of list) expect(heap.shift()).toBe(item);
        expect(heap.shift()).toBeUndefined();
      }),
    );
  });

  it('compares no more often than its depth asks for', () => {
    let compared = 0;
    const heap = new IndexedHeap<Item>((a, b) => ((compared += 1), isBefore(a, b)));
    for (let i = 0; i < 10_000; i += 1) heap.put({ key: `k${i}`, rank: (i * 7_919) % 10_007 });
    compared = 0;
    for (let i = 0; i < 100; i += 1) heap.remove(`k${i * 97}`);
    for (let i = 0; i < 100; i += 1) heap.shift();
    expect(compared / 200).toBeLessThan(3 * Math.log2(10_000));
  });
});
