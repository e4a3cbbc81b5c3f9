import {
  asyncScheduler,
  defer,
  type MonoTypeOperatorFunction,
  retry,
  type SchedulerLike,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { diagnosticChannel } from '../internal/diagnostics.js';
import { type BackoffOptions, fullJitter } from './backoff.js';

const retries = diagnosticChannel('rx-registry:retry');

/** How {@link retryWithBackoff} retries. */
export interface RetryOptions extends BackoffOptions {
  /** Whether an error ends the stream at once. @defaultValue errors of this package that are not `retriable` */
  readonly isFatal?: ((error: unknown) => boolean) | undefined;
  /** Told of every failure that will be retried, with the attempt's number from 1 and the wait in milliseconds. */
  readonly onRetry?: ((error: unknown, attempt: number, waitMs: number) => void) | undefined;
  /** Measures the waits. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Subscribes again to a source that failed, after a wait that doubles up to a bound and is drawn with full jitter.
 *
 * ```text
 *  source              --a--#
 *  retryWithBackoff()  --a--...--a--...--a
 * ```
 *
 * A value resets the attempts: what delivered something works. Cold if the source is; completes with the source; errors
 * only with what is fatal. Unsubscribing stops the source or the wait.
 *
 * @example
 * ```ts
 * session.watchDirectory(path).pipe(retryWithBackoff({ maxMs: 5_000 }));
 * ```
 */
export function retryWithBackoff<T>(options: RetryOptions = {}): MonoTypeOperatorFunction<T> {
  const backoff = fullJitter(options);
  const { isFatal = isFatalError, onRetry, scheduler = asyncScheduler } = options;
  return (source) =>
    defer(() => {
      let attempt = 0;
      return source.pipe(
        tap(() => (attempt = 0)),
        retry({
          delay: (error: unknown) => {
            if (isFatal(error)) return throwError(() => error);
            attempt += 1;
            const waitMs = backoff(attempt);
            if (retries.hasSubscribers) retries.publish({ error, attempt, waitMs });
            onRetry?.(error, attempt, waitMs);
            return timer(waitMs, scheduler);
          },
        }),
      );
    });
}

/** Whether trying again cannot help: an error of this package that says so of itself. */
export function isFatalError(error: unknown): boolean {
  return error instanceof RegistryError && !error.retriable;
}
