/**
 * Calls functions later, in order, after the library has returned from its own loops.
 *
 * A callback that throws, or that makes another call, must not do so inside the library.
 */
export class Deliveries {
  #pending: (() => void)[] = [];

  add(delivery: () => void): void {
    this.#pending.push(delivery);
    if (this.#pending.length > 1) return;
    queueMicrotask(() => {
      const pending = this.#pending;
      this.#pending = [];
      for (const each of pending) each();
    });
  }
}
