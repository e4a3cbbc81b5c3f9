import { concatMap, type Observable, of, range, type SchedulerLike, subscribeOn } from 'rxjs';

/** A part of a list, and whether another follows. */
export interface Slice<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** So many nodes take a few milliseconds to be read and compared, also with what was kept of them. */
const MOST_IN_ONE = 1_000;

/**
 * Cuts a long list into slices, and lets the event loop turn between them; a short one is emitted at once.
 *
 * Emits at least one slice, and completes after the last.
 */
export function inSlices<T>(list: readonly T[], scheduler: SchedulerLike): Observable<Slice<T>> {
  if (list.length <= MOST_IN_ONE) return of({ items: list, more: false });
  const sliceAt = (start: number): Slice<T> => ({
    items: list.slice(start, start + MOST_IN_ONE),
    more: start + MOST_IN_ONE < list.length,
  });
  return range(0, Math.ceil(list.length / MOST_IN_ONE)).pipe(
    concatMap((index) => of(sliceAt(index * MOST_IN_ONE)).pipe(subscribeOn(scheduler))),
  );
}
