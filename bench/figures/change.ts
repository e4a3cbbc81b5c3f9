import { setTimeout as sleep } from 'node:timers/promises';
import { BACKENDS, type Figure, type Row, rowsOf } from '../harness/figure.js';
import { compare, type Sample } from '../harness/paired.js';
import { sharedClockMs } from '../harness/measured.js';
import { sampleUrl } from '../harness/sampleUrls.js';
import type { Stage } from '../harness/stage.js';
import { spreadOf } from '../harness/statistics.js';
import type { Worker } from '../harness/worker.js';

const METRICS = { ms: ['latency', 'ms'], cpuMs: ['consumer CPU', 'ms'] } as const;

/** One change among many. */
export const change: Figure = {
  name: 'change',
  what: 'one provider joins or leaves among N, from the request until the consumer has the list, against watching and reading again',
  backends: BACKENDS,
  async measure(stage) {
    const sizes = [10, 1_000, 10_000, 50_000];
    const ours = await stage.ours();
    const raw = await stage.raw();
    // Each follows a directory of its own, or the one would be measured while the other reads.
    for (const size of sizes) {
      for (const worker of [ours, raw]) {
        await stage.provider.fill(serviceOf(worker, size), size);
        await worker.call('follow', serviceOf(worker, size));
      }
      stage.progress(`following ${size.toLocaleString('en')}`);
    }
    const repetitions = stage.times(7, 3);
    const samples = new Map(sizes.map((size) => [size, [] as [ours: Sample, raw: Sample][]]));
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      for (const size of sizes) {
        const rawSample = await changes(stage, raw, size, stage.times(size > 1_000 ? 10 : 30, size > 1_000 ? 4 : 20));
        const pair = [await changes(stage, ours, size, stage.times(60, 30)), rawSample] as [Sample, Sample];
        if (repetition > 0) samples.get(size)!.push(pair);
      }
      stage.progress(`${repetition} of ${repetitions}`);
    }
    const rows: Row[] = sizes.flatMap((size) =>
      rowsOf(
        { figure: 'change', backend: stage.backend, at: `among ${size.toLocaleString('en')}`, against: stage.rawName },
        METRICS,
        compare(samples.get(size)!),
      ),
    );
    const [few, many] = [samples.get(sizes[0]!)!, samples.get(sizes.at(-1)!)!];
    return [
      ...rows,
      ...rowsOf(
        { figure: 'change', backend: stage.backend, at: 'among 50,000, by among 10', against: 'rx-registry among 10' },
        METRICS,
        compare(many.map(([ours], index) => [ours, few[index]![0]])),
      ),
    ];
  },
};

function serviceOf(worker: Worker, size: number): string {
  return `com.acme.Changing${size}.${worker.name.replaceAll(/\W/g, '')}`;
}

/** How long a change takes at the median, and how much CPU each costs the consumer. */
async function changes(stage: Stage, worker: Worker, size: number, count: number): Promise<Sample> {
  const service = serviceOf(worker, size);
  const url = sampleUrl(service, size + 1);
  const slowestMs = await slowest(stage, worker, service, url);
  let met = '';
  // Not asked after each change, which would be counted as work of the consumer: they are spaced by what it needs.
  for (let paceMs = Math.max(4, 2 * slowestMs); paceMs < 30_000; paceMs *= 2) {
    await worker.call('mark');
    const beganMs: number[] = [];
    for (let number = 0; number < count; number++) {
      beganMs.push(sharedClockMs());
      await toggle(stage, service, url, number);
      await sleep(paceMs);
    }
    // Those that are late still come; they are counted for this attempt, which has then failed.
    while ((await worker.call('seen')).lists.at(-1)?.size !== size) await sleep(paceMs);
    const { lists, cpuMs } = await worker.call('seen');
    // A change that came while an earlier one was being read was had for nothing: it was too fast.
    if (lists.length === count && lists.every(({ atMs }, number) => atMs < (beganMs[number + 1] ?? Infinity))) {
      return { ms: spreadOf(lists.map(({ atMs }, number) => atMs - beganMs[number]!)).median, cpuMs: cpuMs / count };
    }
    met = `${lists.length} lists for ${count} changes, one every ${paceMs.toFixed(0)} ms`;
    stage.progress(`again, ${worker.name} among ${size} told ${met}`);
  }
  throw new Error(`${worker.name} does not tell each change among ${size}: ${met}.`);
}

/** How long the slowest of a few changes takes. */
async function slowest(stage: Stage, worker: Worker, service: string, url: string): Promise<number> {
  let slowestMs = 0;
  for (let number = 0; number < 4; number++) {
    await worker.call('mark');
    const beganMs = sharedClockMs();
    await toggle(stage, service, url, number);
    slowestMs = Math.max(slowestMs, (await worker.call('nextList')).atMs - beganMs);
  }
  return slowestMs;
}

async function toggle(stage: Stage, service: string, url: string, number: number): Promise<void> {
  await (number % 2 === 0 ? stage.provider.add(service, url) : stage.provider.remove(service, url));
}
