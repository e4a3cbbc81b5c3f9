import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { paired } from '../harness/paired.js';
import type { Worker } from '../harness/worker.js';

const SERVICE = 'com.acme.Listed';
const COUNT = 10_000;

/** How long everything else in the process waits while a list arrives. */
export const block: Figure = {
  name: 'block',
  what: 'the longest time that the event loop does not turn while the first list of 10,000 arrives, against reading and decoding it once',
  backends: BACKENDS,
  async measure(stage) {
    await stage.provider.fill(SERVICE, COUNT);
    const ours = await stage.ours();
    const raw = await stage.raw();
    const once = async (worker: Worker) => {
      const { longestMs } = await worker.call('listGaps', SERVICE);
      return { longestMs };
    };
    const repetitions = stage.times(15, 3);
    const comparisons = await paired(
      () => once(ours),
      () => once(raw),
      { repetitions, warmUps: 3, onPair: (pair) => stage.progress(`${pair} of ${repetitions}`) },
    );
    return rowsOf(
      { figure: 'block', backend: stage.backend, at: COUNT.toLocaleString('en'), against: raw.name },
      { longestMs: ['longest block', 'ms'] },
      comparisons,
    );
  },
};
