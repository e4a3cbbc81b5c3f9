import type { ServiceUrl } from '../dubbo/index.js';

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
