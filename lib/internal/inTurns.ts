import { defer, filter, map, type Observable, of, repeat, type SchedulerLike, take, timer } from 'rxjs';

/**
 * Does work that pauses, and lets the event loop turn at each pause; emits what the work returns.
 *
 * Work that does not pause is done at once. Unsubscribing leaves the rest undone.
 */
export function inTurns<T>(work: () => Generator<void, T>, scheduler: SchedulerLike): Observable<T> {
  return defer(() => {
    const steps = work();
    return defer(() => of(steps.next())).pipe(
      repeat({ delay: () => timer(0, scheduler) }),
      filter((step) => step.done === true),
      map(({ value }) => value),
      take(1),
    );
  });
}
