import { DEFAULT_WEIGHT } from './weight.js';

/** So that a weight that somebody mistyped does not fill the memory. */
const MOST_TIMES = 100;

/** How many points a weight stands for: in proportion, one at least, and not more than a hundred times the usual. */
export function pointsFor(weight: number, pointsOfDefault: number): number {
  const points = Math.round((weight * pointsOfDefault) / DEFAULT_WEIGHT);
  return Math.min(Math.max(1, points), MOST_TIMES * pointsOfDefault);
}
