import type { Kind } from '../support/cluster/faultCluster.js';
import { INVARIANTS, type Verdict } from './invariants/index.js';
import type { Recording } from './recording.js';

/** One fault on one kind of server held against one invariant. */
export interface Cell {
  readonly kind: Kind;
  readonly fault: string;
  readonly invariant: string;
  readonly verdict: Verdict;
}

/** Holds what was seen against every invariant that has something to say about it. */
export function judge(recording: Recording): Cell[] {
  const { kind, fault } = recording;
  return Object.entries(INVARIANTS).flatMap(([invariant, check]) => {
    const verdict = check(recording);
    return verdict ? [{ kind, fault, invariant, verdict }] : [];
  });
}

/** The cell of a fault that could not be judged at all. */
export function broken(kind: Kind, fault: string, error: unknown): Cell {
  const seen = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  return { kind, fault, invariant: 'the suite itself', verdict: { held: false, seen } };
}
