import { checked, LONGEST_MS, optionalFunction, optionsObject, positiveMs } from '../internal/options.js';

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The longest wait before the first retry, in milliseconds. @defaultValue 100 */
  readonly baseMs?: number | undefined;
  /** The longest wait before any retry, in milliseconds. @defaultValue 1500 */
  readonly maxMs?: number | undefined;
  /** Draws a number from 0 up to but not including 1. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
}

/** The wait before the `attempt`-th retry, counted from 1, in milliseconds. */
export type Backoff = (attempt: number) => number;

/**
 * Exponential backoff with full jitter: a wait drawn evenly from 0 to `baseMs · 2^(attempt - 1)`, at most `maxMs`.
 *
 * The whole wait is drawn, not a part of it, so that clients which lost a server together do not return together
 * (source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 *
 * @throws InvalidOptionError if `baseMs` or `maxMs` is not a number of milliseconds from 1 up, `maxMs` is below `baseMs`, or
 * `random` is not a function.
 *
 * @example
 * ```ts
 * const wait = fullJitter({ baseMs: 100, maxMs: 1_500 });
 * wait(1); // 0 … 100
 * wait(9); // 0 … 1500
 * ```
 */
export function fullJitter(options: BackoffOptions = {}): Backoff {
  optionsObject(options, 'an object with baseMs and maxMs', 'backoff');
  const baseMs = positiveMs('baseMs', options.baseMs, 100);
  const maxMs = positiveMs('maxMs', longestWait({ baseMs, maxMs: options.maxMs }));
  checked('maxMs', maxMs, `a number of milliseconds from \`baseMs\` (${baseMs}) to ${LONGEST_MS}`, maxMs >= baseMs);
  const random = optionalFunction('random', options.random) ?? Math.random;
  return (attempt) => random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
}

/** The bound of all waits, in milliseconds. */
export function longestWait({ baseMs = 100, maxMs = Math.max(1_500, baseMs) }: BackoffOptions = {}): number {
  return maxMs;
}
