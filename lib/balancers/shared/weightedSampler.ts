import { AliasTable } from './aliasTable.js';

/** What can be in a {@link WeightedSampler}. */
export interface Sampled {
  /** A whole number from 1 to 2^31 - 1; changes only while it is in no sampler. */
  weight: number;
  /** Where it is among those of about its weight. Only the sampler writes it. */
  place: number;
}

/** Those whose weights are from one power of two up to the next. */
interface Level<T> {
  readonly items: T[];
  /** The sum of their weights. */
  total: number;
  /** None of them weighs more. */
  highest: number;
}

/** How often one is drawn that is not to be avoided, before all others are looked at. */
const DRAWS = 16;

/** As many as there are powers of two. */
const LEVELS = 31;

/**
 * Draws one of many by weight; drawing, adding and removing each take a time that does not depend on how many there are, and
 * drawing allocates nothing but what the engine needs for a random number.
 *
 * An alias table alone would have to be made anew, all of it, when anything changes. So it stands here over the powers of two
 * only, of which there are few, and within one power of two an item is drawn evenly and kept with the probability that its
 * weight is of the highest, which is one half or more: twice at most on average. Exact, whatever the weights.
 *
 * Source of the idea: Y. Matias, J. S. Vitter, W. Ni, "Dynamic Generation of Discrete Random Variates", 1993.
 */
export class WeightedSampler<T extends Sampled> {
  readonly #levels: (Level<T> | undefined)[] = new Array<Level<T> | undefined>(LEVELS).fill(undefined);
  readonly #occupied: Level<T>[] = [];
  readonly #totals = new Float64Array(LEVELS);
  readonly #table = new AliasTable(LEVELS);
  readonly #random: () => number;
  #stale = false;
  #size = 0;
  #total = 0;

  /** @param random - Draws a number from 0 up to but not including 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** How many items there are. */
  get size(): number {
    return this.#size;
  }

  /** What an item weighs on average; not a number if there is none. */
  get meanWeight(): number {
    return this.#total / this.#size;
  }

  /** Puts an item in. */
  add(item: T): void {
    const power = 31 - Math.clz32(item.weight);
    const level = (this.#levels[power] ??= { items: [], total: 0, highest: 0 });
    item.place = level.items.length;
    level.items.push(item);
    level.total += item.weight;
    level.highest = Math.max(level.highest, item.weight);
    this.#size += 1;
    this.#total += item.weight;
    this.#stale = true;
  }

  /** Takes an item out, with the weight it was put in with. */
  remove(item: T): void {
    const level = this.#levels[31 - Math.clz32(item.weight)]!;
    const last = level.items.pop()!;
    if (last !== item) {
      level.items[item.place] = last;
      last.place = item.place;
    }
    level.total -= item.weight;
    if (level.items.length === 0) level.highest = 0;
    this.#size -= 1;
    this.#total -= item.weight;
    this.#stale = true;
  }

  /** Draws one of those that are not to be avoided; `undefined` if there is none. */
  draw(avoid?: (item: T) => boolean): T | undefined {
    if (!avoid) return this.#draw();
    for (let time = 0; time < DRAWS; time++) {
      const item = this.#draw();
      if (!item || !avoid(item)) return item;
    }
    return this.#drawFrom(this.#occupied.flatMap(({ items }) => items.filter((item) => !avoid(item))));
  }

  #drawFrom(items: readonly T[]): T | undefined {
    let point = this.#random() * items.reduce((sum, { weight }) => sum + weight, 0);
    return items.find(({ weight }) => (point -= weight) < 0) ?? items.at(-1);
  }

  #draw(): T | undefined {
    if (this.#size === 0) return undefined;
    if (this.#stale) this.#refresh();
    const level = this.#occupied[this.#occupied.length === 1 ? 0 : this.#table.draw(this.#random())]!;
    const { items, highest } = level;
    for (;;) {
      // The part behind the point is as random as the part before it, and says whether to keep what the latter names.
      const place = this.#random() * items.length;
      const index = Math.floor(place);
      const item = items[index]!;
      if ((place - index) * highest < item.weight) return item;
    }
  }

  #refresh(): void {
    this.#occupied.length = 0;
    for (const level of this.#levels) {
      if (!level || level.items.length === 0) continue;
      this.#totals[this.#occupied.length] = level.total;
      this.#occupied.push(level);
    }
    this.#table.build(this.#totals, this.#occupied.length);
    this.#stale = false;
  }
}
