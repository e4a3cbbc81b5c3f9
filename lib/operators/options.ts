import { checked } from '../internal/options.js';

export { milliseconds, optionsObject, positiveMs, share } from '../internal/options.js';

/** A count that may be without bound. */
export function count(option: string, value: number | undefined, fallback?: number): number {
  const whole = value === undefined ? fallback : value;
  const fits = typeof whole === 'number' && whole >= 1 && (Number.isInteger(whole) || whole === Infinity);
  return checked(option, whole as number, 'a whole number from 1 up', fits);
}
