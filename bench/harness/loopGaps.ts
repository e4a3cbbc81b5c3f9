/** Watches for how long the event loop is kept from turning; costs one core while it does. */
export class LoopGaps {
  #longestMs = 0;
  #last = performance.now();
  #turning = true;

  constructor() {
    const turn = (): void => {
      if (!this.#turning) return;
      const now = performance.now();
      this.#longestMs = Math.max(this.#longestMs, now - this.#last);
      this.#last = now;
      setImmediate(turn);
    };
    setImmediate(turn);
  }

  /** Stops, and tells the longest gap in milliseconds. */
  stop(): number {
    this.#turning = false;
    return Math.max(this.#longestMs, performance.now() - this.#last);
  }
}
