import type { InstanceSet } from '../instances/index.js';
import { Retold } from './retold.js';
import { Union } from './union.js';

/**
 * What the first part knows, as long as that is enough; else what the first two know together, and so on.
 *
 * A part that says nothing has nobody, and takes nothing back.
 */
export class Preference {
  readonly #minimum: number;
  /** What the first part knows, the first two together, and so on. */
  readonly #unions: readonly Union[];
  readonly #retold = new Retold();
  #isEnough = false;

  /** @param parts - How many there are, the one to prefer first. */
  constructor(parts: number, minimum: number) {
    this.#minimum = minimum;
    this.#unions = Array.from({ length: parts }, (_, others) => new Union(others + 1));
  }

  get set(): InstanceSet {
    return this.#retold.set;
  }

  /** Whether the first part has enough, so that no other one need be waited for. */
  get isEnough(): boolean {
    return this.#isEnough;
  }

  /** Takes in what one part knows now; returns whether the set is another one. */
  take(part: number, set: InstanceSet): boolean {
    for (const union of this.#unions.slice(part)) union.take(part, set);
    const enough = this.#unions.find((union) => union.set.size >= this.#minimum);
    this.#isEnough = enough !== undefined && enough === this.#unions[0];
    return this.#retold.tell((enough ?? this.#unions.at(-1)!).set);
  }
}
