import { defer, map, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { ambientScheduler } from './ambientScheduler.js';
import { IllegalTraceError } from './illegalTraceError.js';
import type { TraceEntry } from './trace.js';

/** How a stream that is checked is accounted for. */
export interface CheckOptions {
  /** Measures the times in messages. @defaultValue virtual time inside `TestScheduler.run`, real time elsewhere */
  readonly scheduler?: SchedulerLike | undefined;
}

/** More than are ever shown: what a stream told long ago need not be kept. */
const MOST_KEPT = 100;

/** Lets values through as long as `check`, new for every subscription, finds no flaw in them, and errors with the first. */
export function traced<T>(
  makeCheck: () => (value: T) => string | undefined,
  describe: (value: T) => string,
  { scheduler = ambientScheduler }: CheckOptions,
): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const check = makeCheck();
      const startedAt = scheduler.now();
      const trace: TraceEntry[] = [];
      return source.pipe(
        map((value) => {
          if (trace.length >= 2 * MOST_KEPT) trace.splice(0, MOST_KEPT);
          trace.push({ atMs: scheduler.now() - startedAt, text: describe(value) });
          const flaw = check(value);
          if (flaw !== undefined) throw new IllegalTraceError(flaw, trace);
          return value;
        }),
      );
    });
}
