import { defer, finalize, type Observable, Subject } from 'rxjs';

/** Calls that wait for an instance, first come, first served. */
export class Waiters {
  readonly #queue = new Set<Subject<void>>();
  #isWaking = false;
  #isStale = false;

  /** Emits when it may be worth another look: only to one who still waits, and to those behind it once it has gone. */
  get turns(): Observable<void> {
    return defer(() => {
      const turn = new Subject<void>();
      this.#queue.add(turn);
      return turn.pipe(finalize(() => this.#queue.delete(turn)));
    });
  }

  /** Something has changed. */
  wake(): void {
    this.#isStale = true;
    // A call that is made now may be over at once, and wake others again.
    if (this.#isWaking) return;
    this.#isWaking = true;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        this.#serve();
      }
    } finally {
      this.#isWaking = false;
    }
  }

  /** There is nothing to wait for any more. */
  fail(error: unknown): void {
    for (const turn of [...this.#queue]) turn.error(error);
  }

  #serve(): void {
    for (const turn of this.#queue) {
      turn.next();
      // What is not for the first one is not for those behind it either.
      if (this.#queue.has(turn)) return;
    }
  }
}
