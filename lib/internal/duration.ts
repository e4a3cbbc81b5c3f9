import { InvalidOptionError } from '../errors.js';

/**
 * A number of milliseconds that was given, or what stands in for it.
 *
 * @throws InvalidOptionError if it is no time that a timer can wait.
 */
export function duration(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= 0 && value <= 2_147_483_647) return value;
  throw new InvalidOptionError(option, 'a number of milliseconds from 0 to 2147483647', value);
}
