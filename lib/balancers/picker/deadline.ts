import {
  defer,
  dematerialize,
  map,
  materialize,
  merge,
  type Observable,
  type ObservableNotification,
  type SchedulerLike,
  tap,
  type TimestampProvider,
  timer,
} from 'rxjs';
import { RegistryError } from '../../errors.js';

/** Until when one subscription has to be over. */
export interface Limit {
  /** How much time is left, in milliseconds. */
  readonly remainingMs: number;
  /** Whether the time has run out. */
  readonly isOver: boolean;
}

/** How long one use of a picker may take, with all that tries again. */
export class Deadline {
  readonly #ms: number;
  readonly #clock: TimestampProvider;
  readonly #scheduler: SchedulerLike;
  /** When a use has to be over that has failed and may be tried again. */
  #carriedMs: number | undefined;

  constructor(ms: number, clock: TimestampProvider, scheduler: SchedulerLike) {
    this.#ms = ms;
    this.#clock = clock;
    this.#scheduler = scheduler;
  }

  /**
   * Errors when the time is over. A subscription after one that failed has what time is left of that; any other one has all of
   * it.
   */
  limit<T>(project: (limit: Limit) => Observable<T>): Observable<T> {
    return defer(() => {
      const dueMs = this.#carriedMs ?? this.#clock.now() + this.#ms;
      this.#carriedMs = undefined;
      const clock = this.#clock;
      let isOver = false;
      const limit: Limit = {
        get remainingMs() {
          return Math.max(0, dueMs - clock.now());
        },
        get isOver() {
          return isOver;
        },
      };
      const late = timer(limit.remainingMs, this.#scheduler).pipe(
        map((): ObservableNotification<T> => {
          isOver = true;
          return { kind: 'E', error: new RegistryError('TIMEOUT', `The call was not over within ${this.#ms} ms.`) };
        }),
      );
      let hasAnswered = false;
      const carry = (): void => void (this.#carriedMs = isOver || hasAnswered ? undefined : dueMs);
      return merge(late, project(limit).pipe(materialize())).pipe(
        dematerialize(),
        tap({ next: () => (hasAnswered = true), error: carry, unsubscribe: carry }),
      );
    });
  }
}
