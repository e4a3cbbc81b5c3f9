import { setTimeout as sleep } from 'node:timers/promises';
import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { inWindow } from '../harness/inWindow.js';
import { sharedClockMs } from '../harness/measured.js';
import { paired, type Sample } from '../harness/paired.js';
import { sampleUrls } from '../harness/sampleUrls.js';
import type { Worker } from '../harness/worker.js';

const BEFORE = 1_000;
const BURST = 1_000;
const WINDOW = 100;

/** Many changes at once. */
export const burst: Figure = {
  name: 'burst',
  what: '1,000 providers join 1,000 others as fast as the server takes single requests, until the consumer has all, against watching and reading again',
  backends: BACKENDS,
  async measure(stage) {
    const serviceOf = (worker: Worker): string => `com.acme.Bursting.${worker.name.replaceAll(/\W/g, '')}`;
    const ours = await stage.ours();
    const raw = await stage.raw();
    for (const worker of [ours, raw]) {
      await stage.provider.fill(serviceOf(worker), BEFORE);
      await worker.call('follow', serviceOf(worker));
    }
    const once = async (worker: Worker): Promise<Sample> => {
      const service = serviceOf(worker);
      const urls = sampleUrls(service, BURST, BEFORE);
      await worker.call('mark');
      const beganMs = sharedClockMs();
      await inWindow(WINDOW, urls, (url) => stage.provider.add(service, url));
      const { cpuMs, lists } = await untilSize(worker, BEFORE + BURST);
      await inWindow(WINDOW, urls, (url) => stage.provider.remove(service, url));
      await untilSize(worker, BEFORE);
      return { ms: lists.at(-1)!.atMs - beganMs, cpuMs, lists: lists.length };
    };
    const repetitions = stage.times(9, 3);
    const comparisons = await paired(
      () => once(ours),
      () => once(raw),
      { repetitions, onPair: (pair) => stage.progress(`${pair} of ${repetitions}`) },
    );
    return rowsOf(
      { figure: 'burst', backend: stage.backend, at: '1,000 join 1,000', against: raw.name },
      { ms: ['until complete', 'ms'], cpuMs: ['consumer CPU', 'ms'], lists: ['lists told', ''] },
      comparisons,
    );
  },
};

async function untilSize(worker: Worker, size: number) {
  for (;;) {
    const seen = await worker.call('seen');
    if (seen.lists.at(-1)?.size === size) return seen;
    await sleep(50);
  }
}
