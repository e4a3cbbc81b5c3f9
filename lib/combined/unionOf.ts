import {
  catchError,
  connect,
  defer,
  EMPTY,
  endWith,
  filter,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  raceWith,
  type SchedulerLike,
  take,
  timer,
} from 'rxjs';

/** What joins the sets of several parts. */
export interface Joined<S> {
  readonly set: S;
  /** Whether no other part need be waited for. */
  readonly isEnough: boolean;
  /** Takes in what one part knows now; returns whether the set is another one. */
  take(part: number, set: S): boolean;
}

/** A part has told a set, or refuses to tell any more; or the time to wait for the others is over. */
type Input<S> =
  | { readonly type: 'set'; readonly part: number; readonly set: S }
  | { readonly type: 'refused'; readonly part: number; readonly error: unknown }
  | { readonly type: 'settled' };

/**
 * Sets of several parts as sets of all.
 *
 * ```text
 *  first       --a------ab-----a-----
 *  second      -----c---------c------
 *  unionOf()   -----ac--abc----ac----
 * ```
 *
 * The first set comes when all have answered that are needed, or `settleMs` after the first one has. A part that errors is left out, and what it
 * told is kept; errors with the first error when all have. Completes with the last.
 *
 * @param make - Makes what joins the sets of that many parts.
 */
export function unionOf<S>(
  parts: readonly Observable<S>[],
  { settleMs, scheduler }: { readonly settleMs: number; readonly scheduler: SchedulerLike },
  make: (parts: number) => Joined<S>,
): Observable<S> {
  return defer(() => {
    const machine = new UnionMachine(parts.length, make(parts.length));
    const inputs = parts.map((sets, part) =>
      sets.pipe(
        map((set): Input<S> => ({ type: 'set', part, set })),
        catchError((error: unknown) => of<Input<S>>({ type: 'refused', part, error })),
      ),
    );
    return merge(...inputs).pipe(
      connect((told) =>
        merge(
          told,
          told.pipe(
            filter(({ type }) => type === 'set'),
            take(1),
            // Nobody is waited for when all have come to an end.
            mergeMap(() => timer(settleMs, scheduler).pipe(raceWith(told.pipe(ignoreElements(), endWith(0))))),
            map((): Input<S> => ({ type: 'settled' })),
          ),
        ),
      ),
      mergeMap((input) => (machine.take(input) ? of(machine.set) : EMPTY)),
    );
  });
}

class UnionMachine<S> {
  readonly #joined: Joined<S>;
  readonly #awaited: Set<number>;
  readonly #parts: number;
  #refused = 0;
  #isTold = false;

  constructor(parts: number, joined: Joined<S>) {
    this.#parts = parts;
    this.#joined = joined;
    this.#awaited = new Set(Array.from({ length: parts }, (_, part) => part));
  }

  get set(): S {
    return this.#joined.set;
  }

  /** Takes an input in; returns whether there is a set to tell. Throws when all parts have refused. */
  take(input: Input<S>): boolean {
    let isNews = false;
    if (input.type === 'set') isNews = this.#joined.take(input.part, input.set);
    if (input.type === 'refused' && ++this.#refused === this.#parts) throw input.error;
    if (input.type === 'settled') this.#awaited.clear();
    else this.#awaited.delete(input.part);
    if (this.#isTold) return isNews;
    return (this.#isTold = this.#awaited.size === 0 || this.#joined.isEnough);
  }
}
