/** A first-in, first-out queue whose operations take amortized constant time. */
export class Backlog<T> {
  #values: (T | undefined)[] = [];
  #taken = 0;

  /** The number of values. */
  get size(): number {
    return this.#values.length - this.#taken;
  }

  /** Adds a value at the end. */
  add(value: T): void {
    this.#values.push(value);
  }

  /** Removes and returns the oldest value; must not be called when the queue is empty. */
  take(): T {
    const value = this.#values[this.#taken] as T;
    this.#values[this.#taken] = undefined;
    this.#taken += 1;
    // Copying at half keeps the cost of each call constant on average.
    if (this.#taken * 2 >= this.#values.length) {
      this.#values = this.#values.slice(this.#taken);
      this.#taken = 0;
    }
    return value;
  }

  /** Removes all values. */
  clear(): void {
    this.#values = [];
    this.#taken = 0;
  }
}
