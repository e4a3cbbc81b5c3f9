import { InvalidOptionError } from '../errors.js';

/** The longest wait that a timer of Node.js can measure; a longer one would be over at once. */
export const LONGEST_MS = 2_147_483_647;

/** The session timeouts that are taken: shorter ones end between two pings, longer ones overflow what servers count in. */
const SHORTEST_SESSION_MS = 1_000;
const LONGEST_SESSION_MS = 3_600_000;

/**
 * A value that fits.
 *
 * @param expected - What fits, as it stands in the error: "a function".
 * @throws InvalidOptionError if it does not.
 */
export function checked<T>(option: string, value: T, expected: string, fits: boolean): T {
  if (!fits) throw new InvalidOptionError(option, expected, value);
  return value;
}

/**
 * A wait in milliseconds, perhaps none.
 *
 * @throws InvalidOptionError if no timer can wait so long.
 */
export function milliseconds(option: string, value: number | undefined, fallback?: number): number {
  const ms = value === undefined ? fallback : value;
  return checked(option, ms as number, `a number of milliseconds from 0 to ${LONGEST_MS}`, isFrom(0, ms, LONGEST_MS));
}

/**
 * A time in milliseconds that has to pass.
 *
 * Less than one millisecond is refused: rounded it is no time, and what repeats after it would never end.
 *
 * @throws InvalidOptionError if no timer can wait so long.
 */
export function positiveMs(option: string, value: number | undefined, fallback?: number): number {
  const ms = value === undefined ? fallback : value;
  return checked(option, ms as number, `a number of milliseconds from 1 to ${LONGEST_MS}`, isFrom(1, ms, LONGEST_MS));
}

/** A session timeout, whole as servers count it. @throws InvalidOptionError */
export function sessionTimeout(option: string, value: unknown): number {
  const expected = `a whole number of milliseconds from ${SHORTEST_SESSION_MS} to ${LONGEST_SESSION_MS} (30 seconds are 30000)`;
  return wholeNumber(option, value, SHORTEST_SESSION_MS, LONGEST_SESSION_MS, expected);
}

/** A whole number within bounds. @throws InvalidOptionError */
export function wholeNumber(
  option: string,
  value: unknown,
  from: number,
  to: number,
  expected = `a whole number from ${from} to ${to}`,
): number {
  return checked(option, value as number, expected, Number.isInteger(value) && isFrom(from, value, to));
}

/** A part of a whole. @throws InvalidOptionError */
export function share(option: string, value: number | undefined, fallback: number): number {
  const part = value === undefined ? fallback : value;
  return checked(option, part, 'a number from 0 to 1', isFrom(0, part, 1));
}

/** A switch. @throws InvalidOptionError */
export function flag(option: string, value: unknown): boolean {
  return checked(option, value as boolean, 'true or false', typeof value === 'boolean');
}

/** Something to call, or nothing. @throws InvalidOptionError */
export function optionalFunction<T>(option: string, value: T): T {
  return checked(option, value, 'a function', value === undefined || typeof value === 'function');
}

/**
 * The options of a call, which plain JavaScript may leave out where one of them is needed, or give as anything.
 *
 * @param expected - What fits, as it stands in the error.
 * @throws InvalidOptionError if they are no object.
 */
export function optionsObject<T extends object>(value: T, expected = 'an object', option = 'options'): T {
  return checked(option, value, expected, typeof value === 'object' && value !== null);
}

/** Options over defaults: one that is `undefined` is not given. */
export function withDefaults<D extends object, T extends object>(defaults: D, options: T | undefined): D & T {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) } as D & T;
}

function isFrom(from: number, value: unknown, to: number): boolean {
  return typeof value === 'number' && value >= from && value <= to;
}
