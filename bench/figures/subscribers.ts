import { CountingRelay } from '../harness/countingRelay.js';
import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { compare, type Sample } from '../harness/paired.js';
import { processCpuMs } from '../harness/processCpu.js';
import { sampleUrl } from '../harness/sampleUrls.js';
import { spaced } from '../harness/spaced.js';
import type { Stage } from '../harness/stage.js';
import type { Worker } from '../harness/worker.js';

const COUNT = 1_000;
const METRICS = {
  bytes: ['bytes from the server, each change', 'B'],
  watches: ['watches on the server', ''],
  serverMs: ['server CPU, each change', 'ms'],
} as const;

/** Many subscribers of one service in one process. */
export const subscribers: Figure = {
  name: 'subscribers',
  what: 'what the server has to do for each change among 1,000 with 100 subscribers of that service in one process, against one subscriber, and against 100 that read again',
  backends: BACKENDS,
  async measure(stage) {
    await using ourRelay = await CountingRelay.before(stage.server.port);
    await using manyRelay = await CountingRelay.before(stage.server.port);
    await using rawRelay = await CountingRelay.before(stage.server.port);
    const one = await crowd(stage, await stage.worker(stage.oursName, { address: ourRelay.address }), 'One', 1);
    const many = await crowd(stage, await stage.worker(stage.oursName, { address: manyRelay.address }), 'Many', 100);
    const raw = await crowd(stage, await stage.worker(stage.rawName, { address: rawRelay.address }), 'Raw', 100);
    const repetitions = stage.times(5, 1);
    const taken: [one: Sample, many: Sample, raw: Sample][] = [];
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      const samples: [Sample, Sample, Sample] = [
        await load(stage, one, ourRelay, stage.times(60, 40)),
        await load(stage, many, manyRelay, stage.times(60, 40)),
        await load(stage, raw, rawRelay, 4),
      ];
      if (repetition > 0) taken.push(samples);
      stage.progress(`${repetition} of ${repetitions}`);
    }
    const of = { figure: 'subscribers', backend: stage.backend, at: '100 of one service' };
    return [
      ...rowsOf(
        { ...of, against: 'rx-registry with one' },
        METRICS,
        compare(taken.map(([oneSample, manySample]) => [manySample, oneSample])),
      ),
      ...rowsOf(
        { ...of, against: `${stage.rawName} with 100` },
        METRICS,
        compare(taken.map(([, manySample, rawSample]) => [manySample, rawSample])),
      ),
    ];
  },
};

/** Subscribers in one process. */
interface Crowd {
  readonly worker: Worker;
  readonly service: string;
  /** How many watches they have on the server. */
  readonly watches: number;
}

async function crowd(stage: Stage, worker: Worker, name: string, times: number): Promise<Crowd> {
  const service = `com.acme.Followed${name}`;
  await stage.provider.fill(service, COUNT);
  const before = await stage.watches();
  await worker.call('followOften', service, times);
  return { worker, service, watches: (await stage.watches()) - before };
}

async function load(stage: Stage, { worker, service, watches }: Crowd, relay: CountingRelay, count: number) {
  const url = sampleUrl(service, COUNT + 1);
  relay.reset();
  let made = 0;
  const before = processCpuMs(stage.serverPid);
  await spaced(stage, worker, {
    make: (number) => {
      made += 1;
      return number % 2 === 0 ? stage.provider.add(service, url) : stage.provider.remove(service, url);
    },
    count,
    size: COUNT,
  });
  const cpuMs = before !== undefined && processCpuMs(stage.serverPid)! - before;
  return { bytes: relay.toClients / made, watches, ...(cpuMs !== false && { serverMs: cpuMs / made }) };
}
