import { Ledger } from '../ledger.js';
import { BACKOFF_MAX_MS, type Recording, SLACK_MS } from '../recording.js';
import { readProviderNode } from '../registryState.js';
import { since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/**
 * After the fault, within the longest wait between attempts and a session timeout: what everybody believes, what the
 * servers have and what is wanted are the same.
 */
export const convergence: Invariant = (recording) => {
  const { healedAt, sessionTimeoutMs, last, restAt } = recording;
  // What comes after has a reason of its own.
  const until = last?.at ?? restAt;
  const ledger = new Ledger(recording.actors);
  for (const change of recording.changes) if (change.at < until) ledger.change(change);
  for (const observation of recording.observations) if (observation.at < until) ledger.observe(observation);
  const differences = ledger.differences();
  const measuredMs = Math.max(0, lastNews(recording, until) - healedAt);
  const seen = differences.map((difference) => `${difference}, at ${since(recording, until)}`);
  return verdict(seen, { measuredMs, boundMs: BACKOFF_MAX_MS + sessionTimeoutMs + SLACK_MS });
};

/** When the servers or a consumer last learned anything about a provider. */
function lastNews({ changes, observations }: Recording, until: number): number {
  const change = changes.findLast(
    ({ at, changes: together }) => at < until && together.some((each) => readProviderNode(each)),
  );
  const told = observations.findLast(({ at, what }) => at < until && what === 'told');
  return Math.max(change?.at ?? 0, told?.at ?? 0);
}
