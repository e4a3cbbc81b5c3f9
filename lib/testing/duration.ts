import { InvalidOptionError } from '../errors.js';

/** A length of time: milliseconds, or a text as in marble diagrams: `10ms`, `1.5s`, `2m`. */
export type Duration = number | string;

/** A duration in a text, as RxJS writes it in marble diagrams. */
export const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m)$/;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/**
 * A duration in milliseconds.
 *
 * @throws InvalidOptionError if it is neither a number from 0 up nor a text such as `10ms`, `1.5s` or `2m`.
 */
export function toMs(option: string, duration: Duration): number {
  if (typeof duration === 'number' && duration >= 0 && Number.isFinite(duration)) return duration;
  const [, amount, unit] = (typeof duration === 'string' && DURATION.exec(duration)) || [];
  if (unit !== undefined) return Number(amount) * UNIT_MS[unit]!;
  throw new InvalidOptionError(option, 'a number of milliseconds, or a duration such as 10ms, 1.5s or 2m', duration);
}

/** A duration as people read it: the largest unit that leaves no fraction, down to whole milliseconds. */
export function formatMs(ms: number): string {
  const whole = Math.round(ms);
  if (whole > 0 && whole % 60_000 === 0) return `${whole / 60_000}m`;
  if (whole > 0 && whole % 1_000 === 0) return `${whole / 1_000}s`;
  return `${whole}ms`;
}
