import type { HistoryEvent } from './history.js';
import { INVARIANTS } from './invariants.js';
import type { Limits } from './limits.js';
import { Timeline } from './timeline.js';

/** What broke an invariant. */
export interface Flaw {
  readonly invariant: string;
  readonly atMs: number;
  readonly what: string;
}

/** How one invariant fared. */
export interface Verdict {
  readonly invariant: string;
  readonly flaws: readonly Flaw[];
  /** The longest that anything took which it bounds; `undefined` if there was nothing of the kind. */
  readonly worstMs: number | undefined;
}

/** Holds a history against every invariant. */
export function judge(history: readonly HistoryEvent[], limits: Limits): readonly Verdict[] {
  const timeline = new Timeline(history);
  return INVARIANTS.map(({ name, check }) => {
    const flaws: Flaw[] = [];
    let worstMs: number | undefined;
    for (const { atMs, what, tookMs, limitMs = 0 } of check(timeline, limits)) {
      if (tookMs !== undefined) worstMs = Math.max(worstMs ?? 0, tookMs);
      if (tookMs !== undefined && tookMs <= limitMs) continue;
      const took = tookMs === undefined ? '' : ` (${Math.round(tookMs)} ms, where ${Math.round(limitMs)} are allowed)`;
      flaws.push({ invariant: name, atMs, what: `${what}${took}` });
    }
    return { invariant: name, flaws, worstMs };
  });
}
