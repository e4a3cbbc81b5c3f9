import fc from 'fast-check';
import { explain } from './explain.js';
import { runSchedule } from './runSchedule.js';
import { schedules } from './steps.js';

/** Which schedules to live through: those of a seed, or one of them by its path. */
export interface Draw {
  readonly seed: number;
  readonly runs: number;
  readonly path?: string | undefined;
}

/** What became of some schedules. */
export interface Outcome {
  readonly runs: number;
  /** For those who read it: how to see it again, what broke, and what happened; `undefined` if all is well. */
  readonly failure: string | undefined;
}

/** Lives schedules through until one fails, and shrinks that one. */
export async function checkSchedules({ seed, runs, path }: Draw): Promise<Outcome> {
  const property = fc.asyncProperty(schedules, async (schedule) => (await runSchedule(schedule)).flaws.length === 0);
  const { failed, numRuns, counterexample, counterexamplePath } = await fc.check(property, {
    seed,
    numRuns: runs,
    ...(path !== undefined && { path, endOnFailure: true }),
  });
  if (!failed || !counterexample) return { runs: numRuns, failure: undefined };
  const [schedule] = counterexample;
  const again = `npm run test:schedules -- --seed ${seed} --path ${counterexamplePath}`;
  return {
    runs: numRuns,
    failure: `Again: ${again}\n\n${explain(schedule, await runSchedule(schedule))}\n\nAgain: ${again}`,
  };
}
