/**
 * Draws one of a few numbers by weight with one random number and no search.
 *
 * Source: A. J. Walker, "An efficient method for generating discrete random variables with general distributions", 1977, set
 * up as in M. D. Vose, "A linear algorithm for generating random numbers with a given distribution", 1991.
 */
export class AliasTable {
  readonly #share: Float64Array;
  readonly #alias: Uint8Array;
  readonly #poor: Uint8Array;
  readonly #rich: Uint8Array;
  #size = 0;

  /** @param capacity - How many weights there can be, 256 at most. */
  constructor(capacity: number) {
    this.#share = new Float64Array(capacity);
    this.#alias = new Uint8Array(capacity);
    this.#poor = new Uint8Array(capacity);
    this.#rich = new Uint8Array(capacity);
  }

  /** Sets the weights of 0 to `size - 1`, at a cost of O(size) and without allocating. */
  build(weights: ArrayLike<number>, size: number): void {
    this.#size = size;
    let total = 0;
    for (let index = 0; index < size; index++) total += weights[index]!;
    let poor = 0;
    let rich = 0;
    for (let index = 0; index < size; index++) {
      const share = (weights[index]! * size) / total;
      this.#share[index] = share;
      this.#alias[index] = index;
      if (share < 1) this.#poor[poor++] = index;
      else this.#rich[rich++] = index;
    }
    while (poor > 0 && rich > 0) {
      const taker = this.#poor[--poor]!;
      const giver = this.#rich[rich - 1]!;
      this.#alias[taker] = giver;
      const left = this.#share[giver]! + this.#share[taker]! - 1;
      this.#share[giver] = left;
      if (left < 1) {
        rich -= 1;
        this.#poor[poor++] = giver;
      }
    }
    // What is left over is 1 but for rounding.
    while (poor > 0) this.#share[this.#poor[--poor]!] = 1;
    while (rich > 0) this.#share[this.#rich[--rich]!] = 1;
  }

  /** Draws; `random` is from 0 up to but not including 1. */
  draw(random: number): number {
    const place = random * this.#size;
    const index = Math.floor(place);
    return place - index < this.#share[index]! ? index : this.#alias[index]!;
  }
}
