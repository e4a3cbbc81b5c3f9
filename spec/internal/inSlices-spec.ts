import { asyncScheduler, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { inSlices, type Slice } from '../../lib/internal/inSlices.js';

describe('inSlices', () => {
  const told = (length: number, scheduler = new VirtualTimeScheduler()) => {
    const slices: Slice<number>[] = [];
    const list = Array.from({ length }, (_, index) => index);
    let complete = false;
    inSlices(list, scheduler).subscribe({ next: (slice) => slices.push(slice), complete: () => (complete = true) });
    return { list, slices, scheduler, isComplete: () => complete };
  };

  it.each([0, 1, 1_000])('emits a list of %i at once', (length) => {
    const { list, slices, isComplete } = told(length);
    expect(slices).toEqual([{ items: list, more: false }]);
    expect(isComplete()).toBe(true);
  });

  it.each([
    [1_001, 2],
    [2_000, 2],
    [9_999, 10],
  ])('cuts a list of %i into %i, each in a turn of its own', (length, count) => {
    const { list, slices, scheduler, isComplete } = told(length);
    expect(slices).toEqual([]);
    scheduler.flush();
    expect(slices.flatMap(({ items }) => items)).toEqual(list);
    expect(slices.map(({ more }) => more)).toEqual([...Array.from({ length: count - 1 }, () => true), false]);
    expect(Math.max(...slices.map(({ items }) => items.length))).toBeLessThanOrEqual(1_000);
    expect(isComplete()).toBe(true);
  });

  it('lets timers and input have their turn between two slices', async () => {
    const turns: string[] = [];
    await new Promise<void>((resolve) => {
      inSlices(Array.from({ length: 10_000 }), asyncScheduler).subscribe({
        next: () => {
          turns.push('slice');
          setImmediate(() => turns.push('input'));
        },
        complete: () => setImmediate(resolve),
      });
    });
    expect(turns).toEqual(Array.from({ length: 10 }, () => ['slice', 'input']).flat());
  });
});
