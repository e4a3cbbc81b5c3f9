/** How a {@link CallWindow} opens and closes. */
export interface CallWindowOptions {
  /** How many calls at most may be under way at once. */
  readonly most: number;
  /** An answer within this time opens the window, in milliseconds. */
  readonly fastMs: number;
  /** An answer that took longer than this closes it by half, in milliseconds. */
  readonly slowMs: number;
  /** Tells the time, in milliseconds. */
  readonly now: () => number;
}

/** So many calls, and bytes of requests, there is always room for. */
const FEWEST_CALLS = 4;
const FEWEST_BYTES = 65_536;

/**
 * How much may be under way at once: little at first, more with every answer that comes soon, half as much after a late one.
 *
 * Whoever hands all there is to a slow connection or server has the renewal of the session wait behind it.
 */
export class CallWindow {
  readonly #options: CallWindowOptions;
  readonly #largest: number;
  /** How many times the least that there is always room for. */
  #size = 1;
  #calls = 0;
  #bytes = 0;
  #closedAt = -Infinity;

  constructor(options: CallWindowOptions) {
    this.#options = options;
    this.#largest = Math.max(1, options.most / FEWEST_CALLS);
  }

  /** Whether another call may begin. */
  get hasRoom(): boolean {
    if (this.#calls === 0) return true;
    const most = Math.min(this.#options.most, this.#size * FEWEST_CALLS);
    return this.#calls < most && this.#bytes < this.#size * FEWEST_BYTES;
  }

  /** Counts a call until the returned function is called. */
  begin(bytes: number): () => void {
    const { fastMs, slowMs, now } = this.#options;
    const begunAt = now();
    this.#calls += 1;
    this.#bytes += bytes;
    return () => {
      this.#calls -= 1;
      this.#bytes -= bytes;
      const tookMs = now() - begunAt;
      if (tookMs < fastMs) this.#size = Math.min(this.#largest, this.#size + 1 / FEWEST_CALLS);
      // Those that were under way when it closed say nothing of how it is now.
      if (tookMs <= slowMs || begunAt < this.#closedAt) return;
      this.#closedAt = now();
      this.#size = Math.max(1, this.#size / 2);
    };
  }
}
