import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkSchedules, type Outcome } from './checkSchedules.js';

const SLICE = 250;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Math.trunc(Math.random() * 0x7fff_ffff)) },
    path: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    slice: { type: 'boolean', default: false },
  },
});
const [runs, seed, workers] = [values.runs, values.seed, values.workers].map(Number) as [number, number, number];
if (![runs, seed, workers].every((value) => Number.isSafeInteger(value) && value >= 0)) {
  throw new Error('Expected whole numbers for --runs, --seed and --workers.');
}

if (values.slice) {
  process.send?.(await checkSchedules({ seed, runs }));
} else if (values.path !== undefined) {
  report(await checkSchedules({ seed, runs: 1, path: values.path }));
} else {
  report(await inSlices());
}

function report({ runs: done, failure }: Outcome): void {
  if (failure !== undefined) console.error(failure);
  console.log(failure === undefined ? `${done} schedules kept every invariant` : `broke in schedule ${done}`);
  process.exitCode = failure === undefined ? 0 : 1;
}

/** Shares the schedules out among processes, each slice with a seed of its own, until one of them fails. */
async function inSlices(): Promise<Outcome> {
  console.log(`${runs} schedules from seed ${seed} on ${workers} processes`);
  const slices = Math.ceil(runs / SLICE);
  let next = 0;
  let done = 0;
  let failure: string | undefined;
  const work = async (): Promise<void> => {
    while (next < slices && failure === undefined) {
      const slice = next;
      next += 1;
      const outcome = await inAnotherProcess(seed + slice, Math.min(SLICE, runs - slice * SLICE));
      done += outcome.runs;
      failure ??= outcome.failure;
      process.stderr.write(`\r${done} of ${runs} `);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, workers) }, work));
  process.stderr.write('\n');
  return { runs: done, failure };
}

function inAnotherProcess(sliceSeed: number, sliceRuns: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), [
      '--slice',
      '--seed',
      String(sliceSeed),
      '--runs',
      String(sliceRuns),
    ]);
    let outcome: Outcome = { runs: 0, failure: `The schedules from seed ${sliceSeed} ended their process.` };
    child.on('message', (message) => (outcome = message as Outcome));
    child.on('exit', () => resolve(outcome));
  });
}
