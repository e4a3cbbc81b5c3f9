import { defer, type MonoTypeOperatorFunction, merge, type Observable, Subject } from 'rxjs';
import { isFatalError, retryWithBackoff } from '../../connection/index.js';
import type { ReadingOptions } from './followNode.js';

/** After how many failures in a row those who wait for the first answer are told that there is nothing. */
const PATIENT_ATTEMPTS = 3;

/** What a reader waits for, and how it is told of failures. */
export interface ReadingTask<T> extends ReadingOptions {
  readonly path: string;
  /** Whether nothing has been read yet: somebody may wait for a first answer. */
  readonly isFirst: () => boolean;
  /** What stands for something that cannot be read. */
  readonly nothing: T;
}

/**
 * Reads again what failed, with backoff and without an end; what was read before stays as it is.
 *
 * ```text
 *  source             #..#..#....a
 *  whileReadable()    ------n----a    n: nothing, because a first answer is not to be waited for without an end
 * ```
 *
 * A failure that trying again cannot help, such as a refusal or a backend that does not know the operation, counts as nothing at
 * once. Either is reported. Cold; never errors.
 */
export function whileReadable<T>(task: ReadingTask<T>): MonoTypeOperatorFunction<T> {
  const { path, isFirst, nothing, retry, scheduler, onRefused } = task;
  return (source): Observable<T> =>
    defer(() => {
      const failures = new Subject<T>();
      const reading = source.pipe(
        retryWithBackoff({
          ...retry,
          scheduler,
          isFatal: () => false,
          onRetry: (error, attempt) => {
            if (!isFatalError(error) && attempt < PATIENT_ATTEMPTS) return;
            onRefused(path, error);
            if (isFirst()) failures.next(nothing);
          },
        }),
      );
      return merge(failures, reading);
    });
}
