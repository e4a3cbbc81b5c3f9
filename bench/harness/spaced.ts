import { setTimeout as sleep } from 'node:timers/promises';
import { sharedClockMs } from './measured.js';
import type { Stage } from './stage.js';
import { spreadOf } from './statistics.js';
import type { Worker } from './worker.js';

/** A change that is made again and again. */
export interface SpacedChanges {
  /** Makes change number so-and-so, from 0 on; an even number of them leaves everything as it was. */
  readonly make: (number: number) => Promise<void>;
  readonly count: number;
  /** How many providers there are after the last one. */
  readonly size: number;
}

/** What it took at the median to see one, and the CPU that each cost the consumer. */
export interface SeenChange {
  readonly ms: number;
  readonly cpuMs: number;
}

/** How far apart changes must be for a consumer to be done with each before the next one. */
const PACES = new WeakMap<Worker, Map<number, number>>();

/**
 * Makes changes one by one, so far apart that the consumer is at rest before each: one that came while an earlier one was
 * being read would be had for nothing. It is not asked in between, which would be counted as its work.
 */
export async function spaced(stage: Stage, worker: Worker, changes: SpacedChanges): Promise<SeenChange> {
  const paces = PACES.get(worker) ?? new Map<number, number>();
  PACES.set(worker, paces);
  for (;;) {
    const paceMs = paces.get(changes.size) ?? comfortable(await slowest(worker, changes));
    paces.set(changes.size, paceMs);
    const seen = await attempt(worker, changes, paceMs);
    if (seen) return seen;
    if (paceMs > 20_000) throw new Error(`${worker.name} does not tell each change among ${changes.size}.`);
    paces.set(changes.size, 2 * paceMs);
    stage.progress(`${worker.name} among ${changes.size} needs more than ${paceMs.toFixed(0)} ms for a change: again`);
  }
}

/** Three times what it needs; of what is slow two, or most of a run would be waiting. */
function comfortable(slowestMs: number): number {
  return Math.max(4, (slowestMs > 100 ? 2 : 3) * slowestMs);
}

async function attempt(worker: Worker, changes: SpacedChanges, paceMs: number): Promise<SeenChange | undefined> {
  await worker.call('mark');
  const beganMs: number[] = [];
  for (let number = 0; number < changes.count; number++) {
    beganMs.push(sharedClockMs());
    await changes.make(number);
    await sleep(paceMs);
  }
  const { lists, cpuMs } = await worker.call('seen');
  // Those that are late belong to no later attempt.
  while ((await worker.call('seen')).lists.at(-1)?.size !== changes.size) await sleep(paceMs);
  const latencies = beganMs.map((from, number) => {
    const to = beganMs[number + 1] ?? Infinity;
    const last = lists.findLast(({ atMs }) => atMs >= from && atMs < to);
    return last && last.atMs - from;
  });
  if (lists.at(-1)?.size !== changes.size || latencies.includes(undefined)) return undefined;
  return { ms: spreadOf(latencies as number[]).median, cpuMs: cpuMs / changes.count };
}

async function slowest(worker: Worker, { make }: SpacedChanges): Promise<number> {
  let slowestMs = 0;
  for (let number = 0; number < 4; number++) {
    await worker.call('mark');
    const beganMs = sharedClockMs();
    await make(number);
    slowestMs = Math.max(slowestMs, (await worker.call('nextList')).atMs - beganMs);
  }
  return slowestMs;
}
