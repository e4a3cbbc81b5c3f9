/** The mean of numbers, in which those of long ago count less. */
export class RecentMean {
  readonly #decayMs: number;
  #total = 0;
  #count = 0;
  #at = 0;

  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  /** `undefined` if there was none yet. */
  get mean(): number | undefined {
    return this.#count > 0 ? this.#total / this.#count : undefined;
  }

  add(value: number, now: number): void {
    const kept = Math.exp((this.#at - now) / this.#decayMs);
    this.#total = this.#total * kept + value;
    this.#count = this.#count * kept + 1;
    this.#at = now;
  }
}
