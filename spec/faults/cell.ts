import type { Kind } from '../support/cluster/faultCluster.js';
import { INVARIANTS, type Verdict } from './invariants/index.js';
import type { Recording } from './recording.js';

/** One fault on one kind of server held against one invariant. */
export interface Cell {
  readonly kind: Kind;
  readonly fault: string;
  readonly invariant: string;
  readonly verdict: Verdict;
  /** What did not hold when the fault happened for the first time, if it was played twice. */
  readonly before?: readonly string[];
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

/** Whether every cell held. */
export function allHeld(cells: readonly Cell[]): boolean {
  return cells.every(({ verdict }) => verdict.held);
}

/** The cells of a fault that happened twice: those of the second time, with what the first time showed. */
export function secondTime(first: readonly Cell[], second: readonly Cell[]): Cell[] {
  const before = first
    .filter(({ verdict }) => !verdict.held)
    .map(({ invariant, verdict }) => [invariant, verdict] as const);
  const told = second.map((cell): Cell => {
    const seen = before.find(([invariant]) => invariant === cell.invariant)?.[1].seen;
    return seen ? { ...cell, before: seen } : cell;
  });
  // What could not be judged at first, and then was, is told with the first cell.
  const broke = before.filter(([invariant]) => !second.some((cell) => cell.invariant === invariant));
  const [head, ...others] = told;
  if (!head || broke.length === 0) return told;
  return [{ ...head, before: [...(head.before ?? []), ...broke.flatMap(([, verdict]) => verdict.seen)] }, ...others];
}
