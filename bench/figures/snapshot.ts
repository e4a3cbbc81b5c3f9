import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { paired } from '../harness/paired.js';

const SERVICE = 'com.acme.Listed';
const COUNT = 10_000;

/** The first complete list. */
export const snapshot: Figure = {
  name: 'snapshot',
  what: 'the first list of 10,000, decoded, of a client that is connected, against reading and decoding it once',
  backends: BACKENDS,
  async measure(stage) {
    await stage.provider.fill(SERVICE, COUNT);
    const ours = await stage.ours();
    const raw = await stage.raw();
    const once = async (worker: typeof ours) => {
      const { ms, cpuMs } = await worker.call('list', SERVICE, COUNT);
      return { ms, cpuMs };
    };
    const repetitions = stage.times(15, 3);
    const comparisons = await paired(
      () => once(ours),
      () => once(raw),
      { repetitions, warmUps: 3, onPair: (pair) => stage.progress(`${pair} of ${repetitions}`) },
    );
    return rowsOf(
      { figure: 'snapshot', backend: stage.backend, at: COUNT.toLocaleString('en'), against: stage.rawName },
      { ms: ['until complete', 'ms'], cpuMs: ['CPU', 'ms'] },
      comparisons,
    );
  },
};
