import { BACKENDS, type Figure, type Row, rowsOf } from '../harness/figure.js';
import { compare, type Sample } from '../harness/paired.js';
import { sampleUrl } from '../harness/sampleUrls.js';
import { spaced } from '../harness/spaced.js';
import type { Stage } from '../harness/stage.js';
import type { Worker } from '../harness/worker.js';

const METRICS = { ms: ['latency', 'ms'], cpuMs: ['consumer CPU', 'ms'] } as const;

/** One change among many. */
export const change: Figure = {
  name: 'change',
  what: 'one provider joins or leaves among N, from the request until the consumer has the list, against watching and reading again',
  backends: BACKENDS,
  async measure(stage) {
    const sizes = stage.quick ? [10, 1_000, 10_000] : [10, 1_000, 10_000, 50_000];
    const ours = await stage.ours();
    const raw = await stage.raw();
    const byName = stage.backend === 'etcd' ? await stage.worker("etcd3's watcher") : undefined;
    const workers = [raw, ours, ...(byName ? [byName] : [])];
    // Each follows a directory of its own, or the one would be measured while the other reads.
    for (const size of sizes) {
      for (const worker of workers) {
        await stage.provider.fill(serviceOf(worker, size), size);
        await worker.call('follow', serviceOf(worker, size));
      }
      stage.progress(`following ${size.toLocaleString('en')}`);
    }
    const repetitions = stage.times(7, 2);
    const samples = new Map(sizes.map((size) => [size, [] as Sample[][]]));
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      for (const size of sizes) {
        const taken: Sample[] = [];
        for (const worker of workers) taken.push(await changes(stage, worker, size, worker === raw));
        // The first is to warm up.
        if (repetition > 0) samples.get(size)!.push(taken);
      }
      stage.progress(`${repetition} of ${repetitions}`);
    }
    const rows = (at: string, against: string, pairs: readonly (readonly [Sample, Sample])[]): Row[] =>
      rowsOf({ figure: 'change', backend: stage.backend, at, against }, METRICS, compare(pairs));
    const largest = sizes.at(-1)!;
    const few = samples.get(sizes[0]!)!;
    return [
      ...sizes.flatMap((size) => {
        const taken = samples.get(size)!;
        const at = `among ${size.toLocaleString('en')}`;
        return [
          ...rows(
            at,
            raw.name,
            taken.map(([rawOne, our]) => [our!, rawOne!]),
          ),
          ...(byName
            ? rows(
                at,
                byName.name,
                taken.map(([, our, named]) => [our!, named!]),
              )
            : []),
        ];
      }),
      ...rows(
        `among ${largest.toLocaleString('en')}`,
        `rx-registry among ${sizes[0]}`,
        samples.get(largest)!.map(([, our], index) => [our!, few[index]![1]!]),
      ),
    ];
  },
};

function serviceOf(worker: Worker, size: number): string {
  return `com.acme.Changing${size}.${worker.name.replaceAll(/\W/g, '')}`;
}

async function changes(stage: Stage, worker: Worker, size: number, readsAgain: boolean): Promise<Sample> {
  const service = serviceOf(worker, size);
  const url = sampleUrl(service, size + 1);
  const { ms, cpuMs } = await spaced(stage, worker, {
    make: (number) => (number % 2 === 0 ? stage.provider.add(service, url) : stage.provider.remove(service, url)),
    count: readsAgain && size > 1_000 ? (size > 10_000 ? 4 : stage.times(8, 4)) : stage.times(60, 40),
    size,
  });
  return { ms, cpuMs };
}
