import type { ServiceUrl } from '../../dubbo/index.js';

/** What an instance weighs that does not say. */
export const DEFAULT_WEIGHT = 100;

const WHOLE_NUMBER = /^[+-]?\d+$/;
const HIGHEST = 2 ** 31 - 1;

/** The weight of an instance by Dubbo's rules, see `Candidate.weight`; what Java would throw for counts as not said. */
export function weightOf(instance: ServiceUrl): number {
  const text = instance.parameter('weight');
  if (text === undefined || !WHOLE_NUMBER.test(text)) return DEFAULT_WEIGHT;
  const weight = Number(text);
  return Math.abs(weight) > HIGHEST ? DEFAULT_WEIGHT : Math.max(0, weight);
}

/** What a candidate weighs among its like: those of weight 0 only ever compete with each other, and then as equals. */
export function shareOf({ weight }: { readonly weight: number }): number {
  return weight > 0 ? weight : DEFAULT_WEIGHT;
}

/** The mean of weights that come and go. */
export class MeanWeight {
  #total = 0;
  #count = 0;

  add(weight: number): void {
    this.#total += weight;
    this.#count += 1;
  }

  remove(weight: number): void {
    this.#total -= weight;
    this.#count -= 1;
  }

  /** The mean, or what was taken for it before as long as that is more than half and less than twice as much. */
  roughly(before: number): number {
    if (this.#count === 0) return before;
    const mean = this.#total / this.#count;
    return before > mean / 2 && before < mean * 2 ? before : mean;
  }
}
