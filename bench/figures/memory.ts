import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { compare, type Sample } from '../harness/paired.js';
import { sampleUrl } from '../harness/sampleUrls.js';
import type { Stage } from '../harness/stage.js';
import type { Worker } from '../harness/worker.js';

const SERVICE = 'com.acme.Remembered';
const REGISTRATIONS = 10_000;

/** What an instance, and a registration, takes in the heap. */
export const memory: Figure = {
  name: 'memory',
  what: 'bytes in the heap for each instance that is followed, less the bytes of its decoded URL, and for each registration, against a map of what the platform decodes, and against creates alone',
  backends: BACKENDS,
  async measure(stage) {
    const instances = stage.quick ? 20_000 : 100_000;
    await stage.provider.fill(SERVICE, instances);
    const lists: [Sample, Sample][] = [];
    const registrations: [Sample, Sample][] = [];
    const repetitions = stage.times(2, 1);
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      lists.push([
        await inNewProcess(stage, 'ours', (worker) => listBytes(worker, instances)),
        await inNewProcess(stage, 'raw', (worker) => listBytes(worker, instances)),
      ]);
      registrations.push([
        await inNewProcess(stage, 'ours', registrationBytes),
        await inNewProcess(stage, 'raw', registrationBytes),
      ]);
      stage.progress(`${repetition} of ${repetitions}`);
    }
    const of = { figure: 'memory', backend: stage.backend, against: stage.rawName };
    return [
      ...rowsOf(
        { ...of, at: instances.toLocaleString('en') },
        { bytes: ['beyond the URL, each', 'B'] },
        compare(lists),
      ),
      ...rowsOf(
        { ...of, at: REGISTRATIONS.toLocaleString('en') },
        { bytes: ['each registration', 'B'] },
        compare(registrations),
      ),
    ];
  },
};

async function listBytes(worker: Worker, instances: number): Promise<Sample> {
  const { bytes } = await worker.call('heapOfList', SERVICE);
  return { bytes: bytes / instances - averageUrlBytes(instances) };
}

async function registrationBytes(worker: Worker): Promise<Sample> {
  const { bytes } = await worker.call('heapOfRegistrations', 'com.acme.Announced', REGISTRATIONS);
  return { bytes: bytes / REGISTRATIONS };
}

/** What the texts alone take: a byte for each character. */
function averageUrlBytes(instances: number): number {
  let bytes = 0;
  for (let number = 0; number < instances; number++) bytes += sampleUrl(SERVICE, number).length;
  return bytes / instances;
}

/** In one that has done nothing else, as what it keeps for later would be counted. */
async function inNewProcess(
  stage: Stage,
  side: 'ours' | 'raw',
  measure: (worker: Worker) => Promise<Sample>,
): Promise<Sample> {
  const worker = await stage[side]();
  const sample = await measure(worker);
  await worker.call('close');
  await worker.end();
  return sample;
}
