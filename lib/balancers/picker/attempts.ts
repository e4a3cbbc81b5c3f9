/**
 * Which instances one use of a picker has been on in vain since it succeeded last: a call that is tried again is better off
 * elsewhere.
 */
export class Attempts {
  readonly #failed = new Set<string>();
  #last: string | undefined;

  /** The keys of those it has failed on. */
  get failed(): ReadonlySet<string> {
    return this.#failed;
  }

  /** Where it failed last. */
  get last(): string | undefined {
    return this.#last;
  }

  /** A call has failed, or was given up before it answered. */
  failedOn(key: string): void {
    this.#failed.add(key);
    this.#last = key;
  }

  /** A call has succeeded: the next one is another call, and not the same one again. */
  succeeded(): void {
    this.#failed.clear();
    this.#last = undefined;
  }

  /** It has been on all of them: begins anew with all but the last. */
  startOver(): void {
    this.#failed.clear();
    if (this.#last !== undefined) this.#failed.add(this.#last);
  }
}
