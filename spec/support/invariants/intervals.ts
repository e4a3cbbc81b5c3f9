/** Time from `fromMs` on, up to but not including `toMs`. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The part that two intervals share; `undefined` if there is none. */
export function overlap(a: Interval, b: Interval): Interval | undefined {
  const fromMs = Math.max(a.fromMs, b.fromMs);
  const toMs = Math.min(a.toMs, b.toMs);
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

/** What is left of an interval without others: the time in it that none of them covers. A moment among them splits it. */
export function without(interval: Interval, others: readonly Interval[]): Interval[] {
  const left: Interval[] = [];
  let { fromMs } = interval;
  for (const other of [...others].sort((a, b) => a.fromMs - b.fromMs)) {
    if (other.toMs < fromMs) continue;
    if (other.fromMs >= interval.toMs) break;
    if (other.fromMs > fromMs) left.push({ fromMs, toMs: other.fromMs });
    fromMs = Math.max(fromMs, other.toMs);
  }
  if (fromMs < interval.toMs) left.push({ fromMs, toMs: interval.toMs });
  return left;
}

/** How long the longest of some intervals is, in milliseconds. */
export function longest(intervals: readonly Interval[]): number {
  return intervals.reduce((most, { fromMs, toMs }) => Math.max(most, toMs - fromMs), 0);
}
