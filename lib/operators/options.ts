import { InvalidOptionError } from '../errors.js';

/** The longest wait that a timer can measure. */
const LONGEST_MS = 2_147_483_647;

/** A number of milliseconds above 0. */
export function positiveMs(option: string, value: number | undefined, fallback?: number): number {
  return number(option, value ?? fallback, `a number of milliseconds above 0, up to ${LONGEST_MS}`, isPositiveMs);
}

/** A number of milliseconds from 0 up. */
export function milliseconds(option: string, value: number | undefined): number {
  return number(
    option,
    value,
    `a number of milliseconds from 0 to ${LONGEST_MS}`,
    (ms) => ms === 0 || isPositiveMs(ms),
  );
}

/** A part of a whole. */
export function share(option: string, value: number | undefined, fallback: number): number {
  return number(option, value ?? fallback, 'a number from 0 to 1', (part) => part >= 0 && part <= 1);
}

/** A count that may be without bound. */
export function count(option: string, value: number | undefined, fallback?: number): number {
  return number(
    option,
    value ?? fallback,
    'a whole number from 1 up',
    (whole) => whole >= 1 && (Number.isInteger(whole) || whole === Infinity),
  );
}

function isPositiveMs(ms: number): boolean {
  return ms > 0 && ms <= LONGEST_MS;
}

function number(option: string, value: unknown, expected: string, fits: (value: number) => boolean): number {
  if (typeof value === 'number' && fits(value)) return value;
  throw new InvalidOptionError(option, expected, value);
}
