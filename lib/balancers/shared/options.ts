import { InvalidOptionError } from '../../errors.js';

/** The longest wait that a timer can measure. */
const LONGEST_MS = 2_147_483_647;

/** A time that has to pass. */
export function positiveMs(option: string, value: number): number {
  return checked(option, value, 'a number of milliseconds above 0', value > 0 && Number.isFinite(value));
}

/** A wait, perhaps none. */
export function waitMs(option: string, value: number): number {
  return checked(
    option,
    value,
    `a number of milliseconds from 0 to ${LONGEST_MS}`,
    isNumber(value) && value >= 0 && value <= LONGEST_MS,
  );
}

/** A count of one or more. */
export function count(option: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  const fits = Number.isInteger(value) && value >= 1 && value <= most;
  return checked(option, value, `a whole number from 1 to ${most}`, fits);
}

/** Something to call, or nothing. */
export function optionalFunction<T>(option: string, value: T): T {
  return checked(option, value, 'a function', value === undefined || typeof value === 'function');
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

/** A value that fits, or else an error. */
export function checked<T>(option: string, value: T, expected: string, fits: boolean): T {
  if (!fits) throw new InvalidOptionError(option, expected, value);
  return value;
}
