import { threeDigits } from './table.js';

/** A number that is to be at most, or at least, so much. */
export interface Target<Source> {
  /** What it is about, such as `register 10,000 on etcd`. */
  readonly of: string;
  readonly sign: '≤' | '≥';
  readonly limit: number;
  /** The unit, where it is no ratio. */
  readonly unit?: string;
  /** What was measured; nothing if it was not. */
  readonly measured: (source: Source) => number | undefined;
  /** What holds it, for when it is not met. */
  readonly heldBy: (source: Source) => string;
}

/** What became of a target. */
export interface Verdict {
  readonly of: string;
  /** `≤ 0.5` */
  readonly target: string;
  readonly measured: number | undefined;
  /** Nothing if it was not measured. */
  readonly met: boolean | undefined;
  /** All of it in words: `0.43 met`, `0.6 not met: what holds it`. */
  readonly text: string;
}

/** Judges what was measured by a target. */
export function verdictOn<Source>(target: Target<Source>, source: Source): Verdict {
  const { of, sign, limit, unit } = target;
  const withUnit = (value: number): string => threeDigits(value) + (unit ? ` ${unit}` : '');
  const goal = `${sign} ${limit}${unit ? ` ${unit}` : ''}`;
  const measured = target.measured(source);
  if (measured === undefined || !Number.isFinite(measured)) {
    return { of, target: goal, measured: undefined, met: undefined, text: 'not measured' };
  }
  const met = sign === '≤' ? measured <= limit : measured >= limit;
  const text = met ? `${withUnit(measured)} met` : `${withUnit(measured)} not met: ${target.heldBy(source)}`;
  return { of, target: goal, measured, met, text };
}
