/** Values in the order in which they came; to add one and to take one costs the same however many there are. */
export class Backlog<T> {
  #values: (T | undefined)[] = [];
  #taken = 0;

  /** How many there are. */
  get size(): number {
    return this.#values.length - this.#taken;
  }

  /** Adds a value behind all others. */
  add(value: T): void {
    this.#values.push(value);
  }

  /** Takes the oldest value; call it only if there is one. */
  take(): T {
    const value = this.#values[this.#taken] as T;
    this.#values[this.#taken] = undefined;
    this.#taken += 1;
    // Moving up what is left costs no more than taking what is gone did.
    if (this.#taken * 2 >= this.#values.length) {
      this.#values = this.#values.slice(this.#taken);
      this.#taken = 0;
    }
    return value;
  }

  /** Forgets all values. */
  clear(): void {
    this.#values = [];
    this.#taken = 0;
  }
}
