import { setTimeout as sleep } from 'node:timers/promises';
import { CountingRelay } from '../harness/countingRelay.js';
import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { compare, type Sample } from '../harness/paired.js';
import type { Worker } from '../harness/worker.js';

const REGISTRATIONS = 1_000;
const SUBSCRIPTIONS = 100;

/** What it costs when nothing happens. */
export const idle: Figure = {
  name: 'idle',
  what: 'CPU and bytes on the wire, both ways, of 1,000 registrations and 100 subscriptions at rest, against the raw client with as many; an hour is extrapolated from the seconds that were measured',
  backends: BACKENDS,
  async measure(stage) {
    const sides = [];
    for (const name of [stage.oursName, stage.rawName]) {
      const relay = await CountingRelay.before(stage.server.port);
      const worker = await stage.worker(name, { address: relay.address });
      await worker.call('register', `com.acme.Idle.${sides.length}`, REGISTRATIONS);
      for (let number = 0; number < SUBSCRIPTIONS; number++) {
        const service = `com.acme.Idle.${sides.length}.${number}`;
        await stage.provider.fill(service, 1);
        await worker.call('follow', service);
      }
      sides.push({ worker, relay });
    }
    const windowMs = stage.times(20_000, 6_000);
    const windows = stage.times(2, 1);
    // Until what was just said is through.
    await sleep(3_000);
    const pairs: [Sample, Sample][] = [];
    for (let window = 1; window <= windows; window++) {
      // Both at once: neither keeps the other from resting.
      const [ours, raw] = await Promise.all(sides.map(({ worker, relay }) => rest(worker, relay, windowMs)));
      pairs.push([ours!, raw!]);
      stage.progress(`${window} of ${windows}`);
    }
    for (const { relay } of sides) await relay[Symbol.asyncDispose]();
    return rowsOf(
      {
        figure: 'idle',
        backend: stage.backend,
        at: `from ${(windows * windowMs) / 1_000} s`,
        against: stage.rawName,
      },
      { cpuMsPerHour: ['CPU in an hour', 'ms'], bytesPerSecond: ['on the wire', 'B/s'] },
      compare(pairs),
    );
  },
};

async function rest(worker: Worker, relay: CountingRelay, windowMs: number): Promise<Sample> {
  await worker.call('mark');
  relay.reset();
  await sleep(windowMs);
  const { cpuMs } = await worker.call('seen');
  const bytes = relay.toServer + relay.toClients;
  return { cpuMsPerHour: (cpuMs * 3_600_000) / windowMs, bytesPerSecond: (bytes * 1_000) / windowMs };
}
