import { compare, type Sample } from './paired.js';

/** Work that is done so many times, without waiting for anything. */
export type Work = (times: number) => void;

const ROUND_MS = 30;

/** Two kinds of such work in turn: nanoseconds for one of each. */
export function alternating(work: Work, bare: Work, repetitions: number) {
  nanosecondsFor(bare);
  nanosecondsFor(work);
  const pairs: [Sample, Sample][] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const bareSample = { ns: nanosecondsFor(bare) };
    pairs.push([{ ns: nanosecondsFor(work) }, bareSample]);
  }
  return compare(pairs);
}

/** Nanoseconds for one, of as many as fit into a round. */
function nanosecondsFor(work: Work): number {
  let times = 1;
  for (;;) {
    const began = performance.now();
    work(times);
    const took = performance.now() - began;
    if (took >= ROUND_MS / 2) return (took * 1e6) / times;
    times = Math.ceil(times * Math.min(100, (1.2 * ROUND_MS) / Math.max(took, 0.01)));
  }
}

/** Where results go, so that making them is not optimised away. */
export const sink: { last: unknown } = { last: undefined };
