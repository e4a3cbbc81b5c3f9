import { describe, expect, it } from 'vitest';
import { PageSize } from '../../../lib/backends/etcd/pageSize.js';

const [MOST, FAST_MS, SLOW_MS] = [2_500, 100, 300];

describe('the size of pages', () => {
  /** Reads pages over a link; returns how many keys each had, and how long it took. */
  function read(pages: PageSize, count: number, keysPerMs: number): { keys: number; ms: number }[] {
    return Array.from({ length: count }, () => {
      const { keys } = pages;
      const ms = keys / keysPerMs;
      pages.took(keys, ms);
      return { keys, ms };
    });
  }
  const make = (most = MOST) => new PageSize({ most, fastMs: FAST_MS, slowMs: SLOW_MS });

  it('grows to the largest where pages come soon', () => {
    expect(read(make(), 5, 100).map(({ keys }) => keys)).toEqual([500, 1_000, 2_000, 2_500, 2_500]);
  });

  it.each([5, 2, 1, 0.2])('settles where no page takes long: %d keys a millisecond', (keysPerMs) => {
    const pages = make();
    read(pages, 10, keysPerMs);
    for (const { keys, ms } of read(pages, 10, keysPerMs)) {
      expect(ms).toBeLessThanOrEqual(SLOW_MS);
      expect(keys).toBeGreaterThan(0);
    }
  });

  it('grows again when the link does', () => {
    const pages = make();
    read(pages, 10, 0.5);
    expect(read(pages, 10, 100).at(-1)!.keys).toBe(MOST);
  });

  it('never goes below a few keys, nor beyond what was asked for', () => {
    expect(read(make(), 20, 0.001).at(-1)!.keys).toBe(32);
    expect(read(make(10), 20, 0.001).at(-1)!.keys).toBe(10);
    expect(read(make(10), 20, 100).at(-1)!.keys).toBe(10);
  });

  it('learns nothing from a last page of a few keys that came soon', () => {
    const pages = make();
    pages.took(3, 1);
    expect(pages.keys).toBe(500);
  });
});
