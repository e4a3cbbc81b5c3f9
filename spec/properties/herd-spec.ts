import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../lib/testing/seededRandom.js';
import { herdInMemory, type VirtualHerd } from '../herd/herdInMemory.js';
import { histogram } from '../herd/histogram.js';
import { BACKOFF, mostPerBin } from '../herd/window.js';

const CLIENTS = 1_000;

describe('bounded herd', () => {
  let attempts: VirtualHerd['attempts'];
  let [backAt, allBackAt] = [0, 0];
  let all: readonly number[];
  beforeAll(() => {
    ({ attempts, backAt, allBackAt } = herdInMemory(CLIENTS, 6_000, seededRandom(1)));
    all = attempts.flat();
  }, 180_000);

  it('1,000 clients whose server comes back return within the longest wait, and in no tenth of a second more than it allows', () => {
    expect(allBackAt - backAt).toBeLessThanOrEqual(BACKOFF.maxMs + 10);
    const settled = 2 * BACKOFF.maxMs;
    const bins = histogram(all, settled, allBackAt);
    expect(Math.max(...bins)).toBeLessThanOrEqual(mostPerBin(CLIENTS));
    // After it is back each tries once.
    expect(all.filter((at) => at > backAt)).toHaveLength(CLIENTS);
  });

  it('no client tries more often than its backoff allows', () => {
    const mean = (waits: readonly number[]): number => waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
    attempts.forEach((own) => {
      own.forEach((at, nth) => {
        const longest = Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** nth);
        expect(at - (own[nth - 1] ?? 0)).toBeLessThanOrEqual(longest);
      });
    });
    const nth = (index: number): number[] => attempts.map((own) => own[index]! - (own[index - 1] ?? 0));
    [50, 100, 200, 400, 750, 750].forEach((expected, index) => {
      expect(Math.abs(mean(nth(index)) - expected)).toBeLessThan(0.1 * expected);
    });
  });

  it('no two clients share a schedule, nor even one moment', () => {
    expect(new Set(all).size).toBe(all.length);
  });
});
