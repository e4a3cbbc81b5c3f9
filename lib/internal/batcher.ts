import { Observable, type Subscriber } from 'rxjs';

/** What became of one item of a batch: its answer, its failure, or nothing, because another item failed the batch. */
export type Outcome<O> = { readonly value: O } | { readonly error: Error } | 'again';

/** How a {@link Batcher} sends. */
export interface BatcherOptions<I, O> {
  /** How many items at most go together. */
  readonly most: number;
  /** How many bytes at most go together; a larger item goes alone. */
  readonly mostBytes: number;
  readonly bytesOf: (item: I) => number;
  /** Sends items together and emits an outcome for each, in their order. A single item must not come out as `again`. */
  readonly send: (items: readonly I[]) => Observable<readonly Outcome<O>[]>;
}

interface Entry<I, O> {
  readonly item: I;
  readonly subscriber: Subscriber<O>;
}

/**
 * Sends what is asked for at the same time together, as registrations are when a session begins.
 *
 * One bad item may fail a whole batch. It is told of its own failure; the others go on, in two halves. What was asked for is
 * sent also when its subscriber has left.
 */
export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>;
  #waiting: Entry<I, O>[] = [];

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options;
  }

  /** Asks for an item, with all others that are asked for before the next microtask or {@link flush}. */
  ask(item: I): Observable<O> {
    return new Observable((subscriber) => {
      this.#waiting.push({ item, subscriber });
      if (this.#waiting.length === 1) queueMicrotask(() => this.flush());
    });
  }

  /** Sends what is asked for so far, so that what is sent next comes after it. */
  flush(): void {
    const { most, mostBytes, bytesOf } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = [];
    let batch: Entry<I, O>[] = [];
    let bytes = 0;
    for (const entry of waiting) {
      const size = bytesOf(entry.item);
      if (batch.length === most || (batch.length > 0 && bytes + size > mostBytes)) {
        this.#send(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(entry);
      bytes += size;
    }
    this.#send(batch);
  }

  #send(batch: readonly Entry<I, O>[]): void {
    if (batch.length === 0) return;
    this.#options.send(batch.map(({ item }) => item)).subscribe({
      next: (outcomes) => {
        const again = batch.filter((_, index) => outcomes[index] === 'again');
        batch.forEach(({ subscriber }, index) => {
          const outcome = outcomes[index];
          if (outcome === undefined || outcome === 'again') return;
          if ('error' in outcome) return subscriber.error(outcome.error);
          subscriber.next(outcome.value);
          subscriber.complete();
        });
        const half = Math.floor(again.length / 2);
        this.#send(again.slice(0, half));
        this.#send(again.slice(half));
      },
      error: (error: unknown) => batch.forEach(({ subscriber }) => subscriber.error(error)),
    });
  }
}
