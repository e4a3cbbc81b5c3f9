import { diagram, withNames } from '../../support/invariants/diagram.js';
import type { Run } from './runSchedule.js';
import type { Schedule } from './steps.js';

/** What went wrong in a run, for those who read it: what broke, what was done, and what happened. */
export function explain({ latencyMs, reorderMs = 0, steps }: Schedule, { history, flaws }: Run): string {
  return [
    ...flaws.map(
      ({ invariant, atMs, what }) => `✗ ${invariant}, at ${Math.round(atMs)} ms: ${withNames(what, history)}`,
    ),
    '',
    `steps, with messages that take ${latencyMs} ms, and up to ${reorderMs} ms more:`,
    ...steps.map((step) => `  ${describeStep(step)}`),
    '',
    diagram(history, flaws),
  ].join('\n');
}

function describeStep(step: Schedule['steps'][number]): string {
  const { do: what, ...details } = step;
  return [what, ...Object.entries(details).map(([key, value]) => `${key}=${value}`)].join(' ');
}
