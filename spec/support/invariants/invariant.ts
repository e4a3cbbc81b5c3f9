import type { Limits } from './limits.js';
import type { Timeline } from './timeline.js';

/** Something that an invariant looked at: a flaw, unless it took no longer than it may. */
export interface Finding {
  readonly atMs: number;
  readonly what: string;
  readonly tookMs?: number;
  readonly limitMs?: number;
}

/** A promise, and how a history is held against it. */
export interface Invariant {
  /** As the design names it. */
  readonly name: string;
  readonly says: string;
  readonly check: (timeline: Timeline, limits: Limits) => Iterable<Finding>;
}
