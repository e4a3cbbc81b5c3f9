import { Observable, type Subscriber } from 'rxjs';

/**
 * Errors everybody who waits for it, once, and whoever comes later at once.
 *
 * It is a `Subject` that only errors, but leaving it costs the same however many wait: a `Subject` searches a list each time,
 * and the watches of one connection may be ten thousand.
 */
export class FailureSignal extends Observable<never> {
  readonly #waiting: Set<Subscriber<never>>;
  readonly #fail: (error: unknown) => void;

  constructor() {
    const waiting = new Set<Subscriber<never>>();
    let failure: { readonly error: unknown } | undefined;
    super((subscriber) => {
      if (failure) return subscriber.error(failure.error);
      waiting.add(subscriber);
      return () => waiting.delete(subscriber);
    });
    this.#waiting = waiting;
    this.#fail = (error) => {
      if (failure) return;
      failure = { error };
      for (const subscriber of [...waiting]) subscriber.error(error);
      waiting.clear();
    };
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Errors all who wait. */
  error(error: unknown): void {
    this.#fail(error);
  }
}
