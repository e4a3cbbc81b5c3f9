import type { Recording } from '../recording.js';

/** What became of one invariant under one fault. */
export interface Verdict {
  readonly held: boolean;
  /** The longest time that was measured, and the one that is promised. */
  readonly measuredMs?: number;
  readonly boundMs?: number;
  /** A word on what was looked at. */
  readonly note?: string;
  /** What broke it, as it was seen. */
  readonly seen: readonly string[];
}

/** Judges a recording: a pure function; undefined where the invariant has nothing to say about the fault. */
export type Invariant = (recording: Recording) => Verdict | undefined;

/** Holds if nothing was seen that breaks it, and what was measured is within its bound. */
export function verdict(seen: readonly string[], more: Omit<Verdict, 'held' | 'seen'> = {}): Verdict {
  const { measuredMs, boundMs } = more;
  const late = measuredMs !== undefined && boundMs !== undefined && measuredMs > boundMs;
  const all = late ? [`${Math.round(measuredMs)} ms, where ${boundMs} ms are promised`, ...seen] : seen;
  return { held: all.length === 0, seen: all, ...more };
}
