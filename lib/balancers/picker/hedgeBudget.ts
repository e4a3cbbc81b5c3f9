/** So many hedges may be sent before there was any traffic to measure them by, or after a pause. */
const RESERVE = 10;

/** Lets hedges through up to a share of all calls. */
export class HedgeBudget {
  readonly #share: number;
  #left = RESERVE;

  /** @param share - From 0 for none to 1 for as many as there are calls. */
  constructor(share: number) {
    this.#share = share;
    if (share === 0) this.#left = 0;
  }

  /** There was a call. */
  earn(): void {
    this.#left = Math.min(RESERVE, this.#left + this.#share);
  }

  /** Whether a hedge may be sent, which is then spent. */
  spend(): boolean {
    // Shares add up to a whole one but for rounding.
    if (this.#left < 1 - 1e-9) return false;
    this.#left -= 1;
    return true;
  }
}
