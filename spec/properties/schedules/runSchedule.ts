import { type Flaw, type HistoryEvent, judge, type Limits } from '../../support/invariants/index.js';
import { BACKOFF_MS, SESSION_MS } from '../../support/virtual/index.js';
import type { Schedule } from './steps.js';
import { Village } from './village.js';

/** What became of a schedule. */
export interface Run {
  readonly history: readonly HistoryEvent[];
  readonly flaws: readonly Flaw[];
}

/** How long what may take in a village; messages take `latencyMs`. */
export function limitsOf(latencyMs: number): Limits {
  // A handshake that is swallowed, the wait after it, and a few answers; what was slow before still is for a while.
  const recoveryMs = SESSION_MS / 4 + SESSION_MS / 4 + BACKOFF_MS + BACKOFF_MS + 20 * latencyMs;
  return {
    sessionMs: SESSION_MS,
    recoveryMs,
    vanishMs: recoveryMs,
    // Where only answers are lost, the server hears a client until that has noticed.
    ghostMs: SESSION_MS + (SESSION_MS * 5) / 12 + 100,
    onTheWayMs: 6 * latencyMs + 1,
    coalesceMs: 0,
    suspendedMs: (SESSION_MS * 5) / 12 + 2 * latencyMs + 1,
    lostMs: SESSION_MS + 1,
    // Of 20 waits in a row 4 may be shorter while they grow from 50 ms to the longest, 500 ms. That the other 16, drawn evenly from
    // 0 to 500 ms, are over within a second has a chance of (2^16 - 16) / 16!, less than one in 10^8. Waits that stop growing at
    // 100 ms are 20 a second on average.
    attemptsPerSecond: 20,
    skewMs: 0,
  };
}

/** Lives a schedule through, and holds every moment of it against every invariant. */
export async function runSchedule({ latencyMs, reorderMs = 0, seed, steps }: Schedule): Promise<Run> {
  const village = new Village({ latencyMs, reorderMs, seed });
  let crash: unknown;
  try {
    for (const step of steps) await village.take(step);
    await village.rest();
    await village.end();
  } catch (error) {
    crash = error;
  }
  const { history } = village;
  const flaws = judge(history, limitsOf(latencyMs + reorderMs)).flatMap((verdict) => verdict.flaws);
  const atMs = history.at(-1)?.atMs ?? 0;
  if (crash !== undefined) {
    const what = crash instanceof Error ? (crash.stack ?? crash.message) : 'something that is no error was thrown';
    return { history, flaws: [{ invariant: 'no crash', atMs, what }, ...flaws] };
  }
  return { history, flaws };
}
