import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeapItem, IndexedHeap } from '../../lib/internal/indexedHeap.js';

interface Item extends HeapItem {
  value: number;
}

describe('IndexedHeap', () => {
  it('has the least first and knows where everything is, through pushes, moves and removals', () => {
    const act = fc.record({ index: fc.nat(1_000), value: fc.nat(50), what: fc.constantFrom('push', 'move', 'remove') });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const heap = new IndexedHeap<Item>((a, b) => a.value < b.value);
        const items: Item[] = [];
        for (const { index, value, what } of acts) {
          const item = items[index % items.length];
          if (what === 'push' || !item) {
            const pushed = { value, position: -1 };
            items.push(pushed);
            heap.push(pushed);
          } else if (what === 'move') {
            item.value = value;
            heap.moved(item);
          } else {
            items.splice(items.indexOf(item), 1);
            heap.remove(item);
            expect(item.position).toBe(-1);
          }
          expect(heap.size).toBe(items.length);
          expect(heap.first?.value).toBe(items.length ? Math.min(...items.map((each) => each.value)) : undefined);
        }
        const drained: number[] = [];
        for (let first = heap.first; first; first = heap.first) {
          drained.push(first.value);
          heap.remove(first);
        }
        expect(drained).toEqual(items.map(({ value }) => value).sort((a, b) => a - b));
      }),
      { seed: 7 },
    );
  });

  it('compares no more often than its depth asks for', () => {
    let compared = 0;
    const heap = new IndexedHeap<Item>((a, b) => ((compared += 1), a.value < b.value));
    const items = Array.from({ length: 10_000 }, (_, i) => ({ value: (i * 7_919) % 10_007, position: -1 }));
    for (const item of items) heap.push(item);
    compared = 0;
    for (let i = 0; i < 100; i += 1) heap.remove(items[i * 97]!);
    for (let i = 0; i < 100; i += 1) heap.remove(heap.first!);
    expect(compared / 200).toBeLessThan(3 * Math.log2(10_000));
  });
});
