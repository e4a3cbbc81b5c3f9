import { describe, expect, it } from 'vitest';
import { CallWindow } from '../../../lib/backends/etcd/callWindow.js';

const [FAST_MS, SLOW_MS] = [100, 200];

function windowOf(most = 128) {
  const clock = { now: 0 };
  const window = new CallWindow({ most, fastMs: FAST_MS, slowMs: SLOW_MS, now: () => clock.now });
  /** Begins calls of so many bytes while there is room. */
  const fill = (bytes = 0): (() => void)[] => {
    const ends: (() => void)[] = [];
    while (window.hasRoom) ends.push(window.begin(bytes));
    return ends;
  };
  /** Fills it, and answers all of that after so long. */
  const round = (tookMs: number, bytes = 0): number => {
    const ends = fill(bytes);
    clock.now += tookMs;
    for (const end of ends) end();
    return ends.length;
  };
  return { window, clock, fill, round };
}

describe('the window of calls', () => {
  it('begins small, and opens twofold with each round of calls that are answered soon, up to the most', () => {
    const { round } = windowOf();
    expect([1, 2, 3, 4, 5, 6, 7].map(() => round(10))).toEqual([4, 8, 16, 32, 64, 128, 128]);
  });

  it('is bounded by bytes as well: large requests are fewer', () => {
    const { round } = windowOf();
    expect([1, 2, 3].map(() => round(10, 65_536))).toEqual([1, 2, 2]);
  });

  it('stays as it is while answers take their time', () => {
    const { round } = windowOf();
    round(10);
    expect([1, 2, 3].map(() => round(150))).toEqual([8, 8, 8]);
  });

  it('closes by half after answers that are late, once for all that were under way', () => {
    const { round } = windowOf();
    for (const _ of [1, 2, 3, 4]) round(10);
    expect(round(201)).toBe(64);
    expect(round(201)).toBe(32);
    expect(round(10)).toBe(16);
  });

  it('always lets some begin, and one however large it is', () => {
    const { round } = windowOf();
    for (const _ of [1, 2, 3]) round(1_000);
    expect(round(10)).toBe(4);
    const { fill } = windowOf();
    expect(fill(10_000_000)).toHaveLength(1);
  });

  it('never opens wider than it is told, were that less than what it begins with', () => {
    const { round } = windowOf(2);
    expect([1, 2, 3].map(() => round(10))).toEqual([2, 2, 2]);
  });
});
