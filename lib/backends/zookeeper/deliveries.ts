/**
 * Calls functions later, in order, after the library has returned from its own loops.
 *
 * A callback that throws, or that makes another call, must not do so inside the library.
 */
export class Deliveries {
  #pending: (() => void)[] = [];

  add(delivery: () => void): void {
    if (this.#pending.push(delivery) === 1) this.#schedule();
  }

  /** Adds what is called before all that waits. */
  addFirst(delivery: () => void): void {
    if (this.#pending.unshift(delivery) === 1) this.#schedule();
  }

  #schedule(): void {
    queueMicrotask(() => {
      const pending = this.#pending;
      this.#pending = [];
      for (const each of pending) each();
    });
  }
}
