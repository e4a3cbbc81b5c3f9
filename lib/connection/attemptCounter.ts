/** Counts the attempts that the waits between them grow with. */
export class AttemptCounter {
  readonly #longestWaitMs: number;
  #attempt = 0;
  #begunAt = 0;
  /** When the session had its last connection; `undefined` while it has one. */
  #brokenAt: number | undefined;
  /** How many sessions in a row ended sooner than the longest wait after they began. */
  #cutShort = 0;

  constructor(longestWaitMs: number) {
    this.#longestWaitMs = longestWaitMs;
  }

  /** The number of the next retry, counted from 1. */
  next(): number {
    return (this.#attempt += 1);
  }

  /** A session began. A server that ends every session at once must not be asked for the next one at full speed. */
  began(nowMs: number): void {
    this.#begunAt = nowMs;
    this.#brokenAt = undefined;
    this.#attempt = this.#cutShort;
  }

  /** A session goes on. */
  resumed(): void {
    this.#brokenAt = undefined;
    this.#attempt = 0;
  }

  /** An attempt failed, or a connection broke. */
  failed(nowMs: number): void {
    this.#brokenAt ??= nowMs;
  }

  /** The server ended the session. It is there and has said so: after one that lasted, the next one can begin at once. */
  ended(nowMs: number): void {
    const lastedMs = (this.#brokenAt ?? nowMs) - this.#begunAt;
    this.#cutShort = lastedMs < this.#longestWaitMs ? this.#cutShort + 1 : 0;
    this.#attempt = this.#cutShort;
  }
}
