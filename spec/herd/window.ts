import { BIN_MS } from './histogram.js';

/** The waits of our clients unless they are told otherwise. */
export const BACKOFF = { baseMs: 100, maxMs: 1_500 } as const;

/**
 * How many attempts of so many clients fall into one bin on average, once their waits have reached the longest: each waits half
 * of that, so each makes two attempts in the time.
 */
export function expectedPerBin(clients: number): number {
  return (2 * clients * BIN_MS) / BACKOFF.maxMs;
}

/** How many may fall into one bin: the average, and five times what chance adds to it. */
export function mostPerBin(clients: number): number {
  const expected = expectedPerBin(clients);
  return expected + 5 * Math.sqrt(expected);
}
