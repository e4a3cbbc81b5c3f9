import { describe, expect, it } from 'vitest';
import { checkSchedules } from './checkSchedules.js';
import { explain } from './explain.js';
import { FOUND, SAFEGUARDS } from './found.js';
import { runSchedule } from './runSchedule.js';

describe('registries on one server, whatever happens to them', () => {
  it('keep every invariant at every moment', { timeout: 120_000 }, async () => {
    const seed = Math.trunc(Math.random() * 0x7fff_ffff);
    const { failure } = await checkSchedules({ seed, runs: 300 });
    expect.soft(failure ?? '').toBe('');
  });
});

describe('schedules that once broke an invariant, or would without a safeguard', () => {
  for (const [name, schedule] of Object.entries({ ...FOUND, ...SAFEGUARDS })) {
    it(name, async () => {
      const run = await runSchedule(schedule);
      expect(run.flaws.length, explain(schedule, run)).toBe(0);
    });
  }
});
