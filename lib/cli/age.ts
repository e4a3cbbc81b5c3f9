const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** How long ago a moment was, in its largest unit: `4d`, `3h`, `12m`, `5s`; `future` for one that has not come. */
export function ageOf(since: number | undefined, nowMs: number): string {
  if (since === undefined) return '';
  const ms = nowMs - since;
  // Clocks of two machines differ by a little.
  if (ms < -1_000) return 'future';
  const [unit, size] = UNITS.find(([, each]) => ms >= each) ?? (['s', 1_000] as const);
  return `${Math.max(0, Math.floor(ms / size))}${unit}`;
}
