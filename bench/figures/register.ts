import { BACKENDS, type Figure, type Row, rowsOf } from '../harness/figure.js';
import { paired } from '../harness/paired.js';
import type { Stage } from '../harness/stage.js';
import type { Worker } from '../harness/worker.js';

/** Announcing many providers at once. */
export const register: Figure = {
  name: 'register',
  what: 'N registrations at once until the last is acknowledged, against as many single creates that are pipelined (etcd: puts on leases of a thousand keys, 128 at a time)',
  backends: BACKENDS,
  async measure(stage) {
    const ours = await stage.ours();
    const raw = await stage.raw();
    const rows: Row[] = [];
    for (const [count, often, warmUps] of [
      [1_000, stage.times(9, 3), 1],
      [10_000, stage.times(3, 1), stage.times(1, 0)],
    ] as const) {
      const comparisons = await paired(
        () => once(stage, ours, count),
        () => once(stage, raw, count),
        { repetitions: often, warmUps, onPair: (pair) => stage.progress(`${count}: ${pair} of ${often}`) },
      );
      rows.push(
        ...rowsOf(
          { figure: 'register', backend: stage.backend, at: count.toLocaleString('en'), against: stage.rawName },
          { ms: ['until acknowledged', 'ms'], cpuMs: ['CPU', 'ms'] },
          comparisons,
        ),
      );
    }
    return rows;
  },
};

let services = 0;

async function once(stage: Stage, worker: Worker, count: number) {
  const { ms, cpuMs } = await worker.call('register', `com.acme.Registered${(services += 1)}`, count);
  await stage.reconnect(worker);
  return { ms, cpuMs };
}
