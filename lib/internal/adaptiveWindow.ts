/** How far an {@link AdaptiveWindow} opens. */
export interface AdaptiveWindowOptions {
  /** How many requests are under way at once where answers come soon. */
  readonly mostRequests: number;
  /** How long an answer may wait behind others, in milliseconds. */
  readonly patienceMs: () => number;
}

/** Enough to fill the pipe of any link on which answers come soon. */
const MOST_BYTES = 2 * 1024 * 1024;

/** It opens from the second share of that, and closes to the first. */
const LEAST_SHARE = 1 / 64;
const FIRST_SHARE = 1 / 16;

/** A request that is under way. */
export interface UnderWay {
  readonly bytes: number;
  readonly sentAt: number;
}

/**
 * How many requests, and how many bytes of them, are under way at once.
 *
 * What is sent waits in one row with all that was sent before, and so do pings. On a slow link a row of fixed length takes
 * longer than a server waits for a sign of life. So the window opens as long as answers come soon, by one request for each,
 * and halves when they have to wait for longer than they may: the wait is what an answer takes beyond the quickest there was,
 * which is what the way and the server take. Requests that were sent before the window closed say nothing about it.
 */
export class AdaptiveWindow {
  readonly #mostRequests: number;
  readonly #patienceMs: () => number;
  #share = FIRST_SHARE;
  #requests = 0;
  #bytes = 0;
  #quickestMs = Infinity;
  #closedAt = -Infinity;

  constructor({ mostRequests, patienceMs }: AdaptiveWindowOptions) {
    this.#mostRequests = mostRequests;
    this.#patienceMs = patienceMs;
  }

  /** How many bytes are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more may be sent, of whatever size: a large one goes when there is room for anything. */
  get hasRoom(): boolean {
    return this.#requests < Math.ceil(this.#mostRequests * this.#share) && this.#bytes < MOST_BYTES * this.#share;
  }

  sent(bytes: number, nowMs: number): UnderWay {
    this.#requests += 1;
    this.#bytes += bytes;
    return { bytes, sentAt: nowMs };
  }

  /** It is over without an answer of the server: nothing can be learned from it. */
  dropped({ bytes }: UnderWay): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
  }

  answered(underWay: UnderWay, nowMs: number): void {
    const { sentAt } = underWay;
    this.dropped(underWay);
    const tookMs = nowMs - sentAt;
    this.#quickestMs = Math.min(this.#quickestMs, tookMs);
    const waitedMs = tookMs - this.#quickestMs;
    if (waitedMs < this.#patienceMs() / 2) this.#share = Math.min(1, this.#share + 1 / this.#mostRequests);
    else if (waitedMs > this.#patienceMs() && sentAt >= this.#closedAt) {
      this.#share = Math.max(LEAST_SHARE, this.#share / 2);
      this.#closedAt = nowMs;
    }
  }
}
