import {
  concatMap,
  defer,
  filter,
  interval,
  type Observable,
  type SchedulerLike,
  switchMap,
  take,
  throwError,
  timer,
} from 'rxjs';
import { RegistryError } from '../errors.js';

/** So often it is looked whether there was progress: the last of it may be noticed by a tenth of the time too late. */
const LOOKS = 10;
/** Bytes that come more slowly are no progress: who sends one now and then must not be waited for. */
const LEAST_BYTES = 4_096;

/**
 * Errors with `TIMEOUT` when something has taken `ms` milliseconds, not counting the time in which bytes flowed.
 *
 * The verdict comes a turn of the event loop after the time is over, so that what arrived while this process stood still is
 * read before it: when the process goes on, overdue timers come first.
 *
 * @param bytes - Counts the bytes that went over the connection so far, either way.
 */
export function late(ms: number, what: string, scheduler: SchedulerLike, bytes = (): number => 0): Observable<never> {
  const progress = (): number => Math.floor(bytes() / LEAST_BYTES);
  return defer(() => {
    let seen = progress();
    let quiet = 0;
    const look = (): boolean => {
      const now = progress();
      quiet = now === seen ? quiet + 1 : 0;
      seen = now;
      return quiet >= LOOKS;
    };
    return interval(ms / LOOKS, scheduler).pipe(
      filter(look),
      concatMap(() => timer(0, scheduler)),
      filter(() => progress() === seen),
      take(1),
      switchMap(() => throwError(() => timeoutError(`${what} within ${ms} ms`))),
    );
  });
}

export function timeoutError(message: string): RegistryError {
  return new RegistryError('TIMEOUT', `${message}.`);
}
