import {
  catchError,
  concat,
  defer,
  EMPTY,
  expand,
  filter,
  finalize,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  type SchedulerLike,
  Subject,
  take,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';

/** How {@link hedged} goes on while nobody answers. */
export interface Hedging<M, T> {
  /** How long the newest call has to answer before there is another one, in milliseconds. */
  readonly afterMs: number;
  /** How many calls there are at most. */
  readonly max: number;
  /** Who is called besides those that are being called; `undefined` if there is nobody, or no more may be. */
  readonly next: (underWay: ReadonlySet<M>) => M | undefined;
  readonly call: (target: M) => Observable<T>;
  /** An answer came first of the call so many places behind the first one. */
  readonly won: (place: number) => void;
  readonly scheduler: SchedulerLike;
}

/**
 * Calls one, and others one after another as long as nobody answers: whoever answers first goes on, the others are cancelled.
 *
 * ```text
 *  first               ----------a|
 *  next, after 4 ms        ---b-c|
 *  hedged()            -------b-c|
 * ```
 *
 * A call that fails brings the next one forward. Errors with the last error when all have failed. Unsubscribing cancels all.
 */
export function hedged<M, T>(first: M, hedging: Hedging<M, T>): Observable<T> {
  const { afterMs, max, next, call, won, scheduler } = hedging;
  return defer(() => {
    const underWay = new Set<M>();
    const failures = new Subject<void>();
    const winner = new Subject<M>();
    let lastError: { readonly error: unknown } | undefined;
    /** Since the last call was made. */
    let hasFailed = false;
    let hasAnswer = false;
    const targets = of(first).pipe(
      expand(() =>
        // One that failed at once has done so before anybody could hear of it.
        (hasFailed ? of(undefined) : merge(timer(afterMs, scheduler), failures)).pipe(
          take(1),
          map(() => {
            hasFailed = false;
            return next(underWay);
          }),
          takeWhile((target) => target !== undefined),
        ),
      ),
      take(max),
      takeUntil(winner),
    );
    const answer = (target: M, place: number): void => {
      if (hasAnswer) return;
      hasAnswer = true;
      won(place);
      winner.next(target);
    };
    const calls = targets.pipe(
      mergeMap((target, place) => {
        underWay.add(target);
        return call(target).pipe(
          tap({ next: () => answer(target, place), complete: () => answer(target, place) }),
          catchError((error: unknown) => {
            // What fails after it has answered has failed for good.
            if (hasAnswer) return throwError(() => error);
            lastError = { error };
            hasFailed = true;
            underWay.delete(target);
            failures.next();
            return EMPTY;
          }),
          takeUntil(winner.pipe(filter((other) => other !== target))),
          finalize(() => underWay.delete(target)),
        );
      }),
    );
    return concat(
      calls,
      defer(() => (hasAnswer || !lastError ? EMPTY : throwError(() => lastError!.error))),
    );
  });
}
