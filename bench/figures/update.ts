import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { paired, type Sample } from '../harness/paired.js';
import { sampleUrl } from '../harness/sampleUrls.js';
import { spaced } from '../harness/spaced.js';
import type { Worker } from '../harness/worker.js';

const COUNT = 10_000;

/** What one instance says of itself changes: in Dubbo's layout it is all in the name. */
export const update: Figure = {
  name: 'update',
  what: 'the weight of one among 10,000 changes (its new node comes, its old one goes), until the consumer has the right list, against watching and reading again',
  backends: BACKENDS,
  async measure(stage) {
    const serviceOf = (worker: Worker): string => `com.acme.Updated.${worker.name.replaceAll(/\W/g, '')}`;
    const ours = await stage.ours();
    const raw = await stage.raw();
    for (const worker of [ours, raw]) {
      await stage.provider.fill(serviceOf(worker), COUNT);
      await worker.call('follow', serviceOf(worker));
    }
    const once = async (worker: Worker, count: number): Promise<Sample> => {
      const service = serviceOf(worker);
      const one = sampleUrl(service, 7);
      const other = one.replace(/weight=\d+/, 'weight=999');
      const make = (number: number): Promise<void> =>
        number % 2 === 0 ? stage.provider.replace(service, one, other) : stage.provider.replace(service, other, one);
      const { ms, cpuMs } = await spaced(stage, worker, { make, count, size: COUNT });
      return { ms, cpuMs };
    };
    const repetitions = stage.times(7, 2);
    const comparisons = await paired(
      () => once(ours, stage.times(60, 40)),
      () => once(raw, 6),
      { repetitions, onPair: (pair) => stage.progress(`${pair} of ${repetitions}`) },
    );
    return rowsOf(
      { figure: 'update', backend: stage.backend, at: 'among 10,000', against: raw.name },
      { ms: ['latency', 'ms'], cpuMs: ['consumer CPU', 'ms'] },
      comparisons,
    );
  },
};
