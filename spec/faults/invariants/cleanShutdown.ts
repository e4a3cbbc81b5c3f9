import { CLOSE_DEADLINE_MS } from '../../support/population/actors.js';
import { SLACK_MS } from '../recording.js';
import { of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/** Who closes is closed by the deadline and says no more, and nothing keeps the process from ending. */
export const cleanShutdown: Invariant = (recording) => {
  const isNow = ({ at }: { readonly at: number }): boolean => at >= recording.from;
  const closed = new Map(
    of(recording, 'closed')
      .filter(isNow)
      .map((each) => [each.actor, each]),
  );
  const left = of(recording, 'left').filter(isNow);
  if (closed.size === 0 && left.length === 0) return undefined;
  const seen = left
    .filter(({ byItself }) => !byItself)
    .map(({ actor, at }) => `process ${actor} had to be killed at ${since(recording, at)}`);
  for (const { actor, what, at } of recording.observations) {
    const end = closed.get(actor);
    if (end && at > end.at) seen.push(`${actor}: ${what} at ${since(recording, at)}, after it was closed`);
  }
  const measuredMs = Math.max(0, ...[...closed.values()].map(({ tookMs }) => tookMs));
  return verdict(seen, { measuredMs, boundMs: CLOSE_DEADLINE_MS + SLACK_MS });
};
