import { describe, expect, it } from 'vitest';
import { powerOfTwoChoices } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { crowd, Stage, tally } from './stage.js';
import { CONFIDENCE, misfit, seeded } from './statistics.js';

/** Whom nearly all of a hundred picks are for: once in 256 draws both choices are the same one. */
const favourite = (stage: Stage): string | undefined =>
  Object.entries(tally(stage.picks(100))).find(([, count]) => count > 85)?.[0];

/** Two instances are always both drawn, so the one that looks better is picked. */
const duel = (options = {}): Stage =>
  new Stage(powerOfTwoChoices({ random: seeded(21), ...options }), { a: 100, b: 100 });

describe('powerOfTwoChoices', () => {
  it('picks the one that answers sooner', () => {
    const stage = duel();
    stage.answer('a', 20);
    stage.answer('b', 10);
    expect(favourite(stage)).toBe('b');
  });

  it('weighs latency by the calls under way', () => {
    const stage = duel();
    stage.answer('a', 25);
    stage.answer('b', 10);
    stage.begin('b');
    expect(favourite(stage)).toBe('b');
    stage.begin('b');
    expect(favourite(stage)).toBe('a');
  });

  it('weighs the calls under way by weight', () => {
    const stage = duel();
    stage.reweigh('b', 400);
    stage.answer('a', 10);
    stage.answer('b', 10);
    stage.begin('a');
    for (let calls = 0; calls < 3; calls++) stage.begin('b');
    expect(favourite(stage)).toBe('b');
    // One more to `a` makes it as busy as `b` is with 8.
    for (let calls = 0; calls < 4; calls++) stage.begin('b');
    expect(favourite(stage)).toBeUndefined();
    stage.begin('b');
    expect(favourite(stage)).toBe('a');
  });

  it('takes latencies that differ by less than a quarter for equal', () => {
    const stage = duel();
    stage.reweigh('b', 300);
    stage.answer('a', 10);
    stage.answer('b', 12);
    const counts = tally(stage.picks(1_000));
    expect(counts['b']).toBeGreaterThan(700);
    expect(counts['b']).toBeLessThan(800);
  });

  it('jumps to a peak at once, and forgets it only slowly', () => {
    const stage = duel({ decayMs: 1_000 });
    for (let calls = 0; calls < 20; calls++) stage.answer('a', 10);
    stage.answer('b', 11);
    stage.answer('a', 500);
    expect(favourite(stage)).toBe('b');
    stage.now += 1_000;
    stage.answer('a', 10);
    stage.answer('b', 11);
    expect(favourite(stage)).toBe('b');
    for (let calls = 0; calls < 8; calls++) {
      stage.now += 1_000;
      stage.answer('a', 10);
      stage.answer('b', 11);
    }
    expect(favourite(stage)).toBeUndefined();
  });

  it('tries one again that it has not seen for long', () => {
    const stage = duel({ decayMs: 1_000 });
    stage.answer('a', 100);
    // The mean of answers is soon near 10: of the 90 more, a quarter of it is left after ln(90 / 2.5) = 3.6 s.
    for (let second = 0; second < 6; second++) {
      for (let call = 0; call < 10; call++) stage.answer('b', 10);
      expect(favourite(stage)).toBe(second < 4 ? 'b' : undefined);
      stage.now += 1_000;
    }
  });

  it('takes one that never answered for as fast as the others, and tries it with one call at a time', () => {
    const stage = new Stage(powerOfTwoChoices({ random: seeded(22) }), { a: 100 });
    stage.answer('a', 1);
    stage.join('b');
    expect(favourite(stage)).toBe(undefined);
    stage.begin('b');
    expect(favourite(stage)).toBe('a');
    stage.end('b', 0.5);
    expect(favourite(stage)).toBe('b');
  });

  it('does not take failing fast for being fast', () => {
    const stage = duel({ failurePenaltyMs: 200 });
    stage.answer('a', 100);
    stage.answer('b', 1, 'failed');
    expect(favourite(stage)).toBe('a');
    stage.answer('a', 300);
    expect(favourite(stage)).toBe('b');
  });

  it('takes a call given up for slow if it took longer than expected, and else for nothing', () => {
    const stage = duel();
    stage.answer('a', 10);
    stage.answer('b', 20);
    stage.answer('b', 1, 'cancelled');
    expect(favourite(stage)).toBe('a');
    stage.answer('a', 1_000, 'cancelled');
    expect(favourite(stage)).toBe('b');
  });

  it('expects no more of one because a call was given up early', () => {
    const stage = duel({ decayMs: 1_000 });
    for (let call = 0; call < 100; call++) stage.answer('b', 10);
    stage.answer('a', 40);
    stage.now += 1_000;
    // 10 + 30/e = 21 ms are expected of `a`.
    stage.answer('a', 20, 'cancelled');
    expect(favourite(stage)).toBe('b');
    stage.now += 1_500;
    // 10 + 30/e^2.5 = 12.5 ms by now: the call that was given up has changed neither that nor when it is forgotten.
    expect(favourite(stage)).toBeUndefined();
  });

  it('keeps what it knows when the set and weights change', () => {
    const stage = duel();
    stage.answer('a', 10);
    stage.answer('b', 20);
    stage.join('c');
    stage.leave('c');
    stage.reweigh('a', 0);
    stage.reweigh('a', 50);
    expect(favourite(stage)).toBe('a');
  });

  it(`draws by weight where all are equal (confidence ${CONFIDENCE})`, () => {
    // Nobody has answered and nobody is busy: the first one drawn is picked.
    const weights = { a: 100, b: 200, c: 300, d: 50 };
    const stage = new Stage(powerOfTwoChoices({ random: seeded(23) }), weights);
    expect(misfit(tally(stage.picks(200_000)), weights)).toBeLessThan(1);
  });

  it('lets one that outweighs all others have most calls, whatever they look like', () => {
    const stage = new Stage(powerOfTwoChoices({ random: seeded(26) }), { a: 100_000, b: 100, c: 100 });
    stage.answer('a', 100);
    stage.answer('b', 1);
    stage.answer('c', 1);
    expect(tally(stage.picks(1_000))['a']).toBeGreaterThan(950);
  });

  it('spreads load much more evenly than one choice', () => {
    const stage = new Stage(powerOfTwoChoices({ random: seeded(24) }), crowd(100));
    for (const name of stage.names) stage.answer(name, 10);
    for (let calls = 0; calls < 10_000; calls++) stage.call();
    // One choice is about 30 above the mean of 100; two are log log n.
    const loads = stage.names.map((name) => stage.inFlight(name));
    expect(Math.max(...loads)).toBeLessThanOrEqual(104);
    expect(Math.min(...loads)).toBeGreaterThanOrEqual(94);
  });

  it('never picks the worst of three', () => {
    const stage = new Stage(powerOfTwoChoices({ random: seeded(25) }), { a: 100, b: 100, c: 100 });
    stage.answer('a', 10);
    stage.answer('b', 20);
    stage.answer('c', 30);
    const counts = tally(stage.picks(30_000));
    expect(counts['c'] ?? 0).toBeLessThan(300);
    expect(counts['b']).toBeGreaterThan(9_000);
    expect(counts['a']).toBeGreaterThan(19_000);
  });

  it.each([{ decayMs: 0 }, { decayMs: NaN }, { failurePenaltyMs: -1 }, { failurePenaltyMs: Infinity }])(
    'refuses %j',
    (options) => {
      expect(() => powerOfTwoChoices(options)).toThrow(InvalidOptionError);
    },
  );
});
