import { describe, expect, it } from 'vitest';
import { random } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { Stage, tally } from './stage.js';
import { CONFIDENCE, misfit, seeded } from './statistics.js';

describe(`random (confidence ${CONFIDENCE})`, () => {
  const weights = { a: 1, b: 10, c: 100, d: 100, e: 150, f: 1_000 };

  it('picks each as often as it weighs', () => {
    const stage = new Stage(random({ random: seeded(11) }), weights);
    expect(misfit(tally(stage.picks(400_000)), weights)).toBeLessThan(1);
  });

  it('knows what weights it has not: the measure tells a tenth more of one', () => {
    const stage = new Stage(random({ random: seeded(11) }), weights);
    expect(misfit(tally(stage.picks(400_000)), { ...weights, c: 110 })).toBeGreaterThan(1);
  });

  it('picks by the new weights after some have changed, come and gone', () => {
    const stage = new Stage(random({ random: seeded(12) }), { ...weights, gone: 5_000 });
    stage.picks(1_000);
    stage.leave('gone');
    stage.reweigh('a', 500);
    stage.reweigh('f', 0);
    stage.join('g', 300);
    const now = { a: 500, b: 10, c: 100, d: 100, e: 150, g: 300 };
    const counts = tally(stage.picks(400_000));
    expect(counts['f']).toBeUndefined();
    expect(misfit(counts, now)).toBeLessThan(1);
  });

  it('picks evenly where none has a weight', () => {
    const stage = new Stage(random({ random: seeded(13) }), { a: 0, b: 0, c: 0 });
    expect(misfit(tally(stage.picks(100_000)), { a: 1, b: 1, c: 1 })).toBeLessThan(1);
  });

  it('refuses what is no function', () => {
    expect(() => random({ random: 0.5 as never })).toThrow(InvalidOptionError);
  });
});
