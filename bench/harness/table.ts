import type { Row } from './figure.js';
import type { Spread } from './statistics.js';

/** A row as a line of text. */
export function toLine({ backend, at, metric, unit, ours, bare, ratio, against }: Row): string {
  return [
    (backend ?? '').padEnd(10),
    at.padEnd(26),
    `${metric}, ${unit}`.padEnd(24),
    withSpread(ours).padStart(16),
    (bare ? withSpread(bare) : '').padStart(16),
    ratio ? `ratio ${withSpread(ratio)} to ${against}` : '',
  ].join(' ');
}

/** A median, and half of how far the middle half is apart. */
export function withSpread({ median, spread }: Spread): string {
  return `${threeDigits(median)} ± ${threeDigits(spread / 2)}`;
}

/** As many digits as mean something. */
export function threeDigits(value: number): string {
  // Of nothing, or from a report, where JSON has made it null.
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString('en');
  if (size > 0 && size < 0.01) return value.toPrecision(2);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits);
}
