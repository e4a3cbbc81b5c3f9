import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullJitter } from '../../lib/connection/index.js';
import { InvalidOptionError } from '../../lib/errors.js';

describe('fullJitter', () => {
  it('bounds the waits by 100 ms, doubled with every attempt, up to 1500 ms unless told otherwise', () => {
    const longest = fullJitter({ random: () => 1 });
    expect([1, 2, 3, 4, 5, 6, 50, 5_000].map(longest)).toEqual([100, 200, 400, 800, 1_500, 1_500, 1_500, 1_500]);
    const shortest = fullJitter({ random: () => 0 });
    expect([1, 2, 3, 50].map(shortest)).toEqual([0, 0, 0, 0]);
  });

  it('takes a base above the default maximum for the maximum too', () => {
    expect([1, 2, 3].map(fullJitter({ baseMs: 4_000, random: () => 1 }))).toEqual([4_000, 4_000, 4_000]);
  });

  it('never leaves its bounds, and never draws twice for one wait', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (baseMs, factor, attempt, drawn) => {
          let draws = 0;
          const random = (): number => ((draws += 1), drawn);
          const wait = fullJitter({ baseMs, maxMs: baseMs * factor, random })(attempt);
          const bound = Math.min(baseMs * factor, baseMs * 2 ** (attempt - 1));
          expect(wait).toBe(drawn * bound);
          expect(draws).toBe(1);
        },
      ),
    );
  });

  it('draws the whole wait, evenly: each tenth of the range gets about a tenth of the waits', () => {
    const wait = fullJitter({ baseMs: 1_000, maxMs: 1_000 });
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 20_000; i += 1) tenths[Math.floor(wait(3) / 100)]! += 1;
    // Expected 2000 each with a standard deviation of 42: nine of them are never left by chance.
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(380);
  });

  it.each([
    ['baseMs', { baseMs: 0 }],
    ['baseMs', { baseMs: -1 }],
    ['baseMs', { baseMs: NaN }],
    ['baseMs', { baseMs: Infinity }],
    ['maxMs', { baseMs: 100, maxMs: 99 }],
    ['maxMs', { maxMs: 99 }],
    ['maxMs', { maxMs: NaN }],
    ['maxMs', { maxMs: Infinity }],
  ])('refuses %s of %j', (option, options) => {
    expect(() => fullJitter(options)).toThrow(InvalidOptionError);
    expect(() => fullJitter(options)).toThrow(`\`${option}\``);
  });
});
