/** How a {@link PageSize} grows and shrinks. */
export interface PageSizeOptions {
  /** How many keys a page has at most. */
  readonly most: number;
  /** A page that was answered within this time is followed by larger ones, in milliseconds. */
  readonly fastMs: number;
  /** One that took longer than this is followed by smaller ones, in milliseconds. */
  readonly slowMs: number;
}

/** What pages begin with, and what they never go below. */
const FIRST_KEYS = 500;
const FEWEST_KEYS = 32;

/**
 * How many keys are read at a time: twice as many after a page that came soon, half as many after one that came late.
 *
 * The answer to a ping waits behind a page, so on a slow link a page of fixed size costs the session.
 */
export class PageSize {
  readonly #options: PageSizeOptions;
  #keys: number;

  constructor(options: PageSizeOptions) {
    this.#options = options;
    this.#keys = Math.min(FIRST_KEYS, options.most);
  }

  get keys(): number {
    return this.#keys;
  }

  /** Takes into account how long a page took; one of fewer keys than pages have now says little. */
  took(keys: number, ms: number): void {
    const { most, fastMs, slowMs } = this.#options;
    if (ms < fastMs && keys >= this.#keys) this.#keys = Math.min(most, 2 * this.#keys);
    else if (ms > slowMs && keys <= this.#keys)
      this.#keys = Math.max(Math.min(FEWEST_KEYS, most), Math.floor(keys / 2));
  }
}
