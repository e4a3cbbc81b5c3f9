import { asyncScheduler, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clockOf } from '../../lib/internal/clock.js';

describe('clockOf', () => {
  afterEach(() => void vi.useRealTimers());

  it('liveness: what is set on the wall does not move it', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const clock = clockOf(asyncScheduler);
    const before = clock.now();
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(clock.now() - before).toBeLessThan(600_000);
    vi.setSystemTime(Date.now() - 7_200_000);
    expect(clock.now()).toBeGreaterThanOrEqual(before);
  });

  it('is the clock of a scheduler that has one of its own', () => {
    const scheduler = new VirtualTimeScheduler();
    expect(clockOf(scheduler)).toBe(scheduler);
  });
});
