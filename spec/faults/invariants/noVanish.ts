import { BACKOFF_MAX_MS, type Recording, SLACK_MS } from '../recording.js';
import { isAffected, momentsOf, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/**
 * While it is held and the servers can be reached, an instance is missing for no longer than it takes to connect and to
 * replace a session.
 */
export const noVanish: Invariant = (recording) => {
  const { from, healedAt, restAt, sessionTimeoutMs, changes, actors } = recording;
  const boundMs = BACKOFF_MAX_MS + sessionTimeoutMs + SLACK_MS;
  const moments = momentsOf(changes);
  const seen: string[] = [];
  let measuredMs = 0;
  for (const [actor, spans] of heldSpans(recording)) {
    const reachableFrom = isAffected(recording, actors.get(actor)?.process ?? '') ? healedAt : from;
    for (const { key, start, end } of spans) {
      const all = moments.get(key) ?? [{ at: -Infinity, revision: 0n, nodes: [] }];
      for (const [index, { at, nodes }] of all.entries()) {
        if (nodes.length > 0) continue;
        const missingFrom = Math.max(at, start, reachableFrom);
        const missingUntil = Math.min(all[index + 1]?.at ?? restAt, end, restAt);
        const missing = missingUntil - missingFrom;
        if (missing > boundMs) seen.push(`${key} was missing from ${since(recording, missingFrom)} on`);
        measuredMs = Math.max(measuredMs, missing);
      }
    }
  }
  return verdict(seen, { measuredMs, boundMs });
};

interface Span {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** When each provider wanted its instance to be there, whatever it said of it. */
function heldSpans({ observations, restAt }: Recording): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>();
  const open = new Map<string, Omit<Span, 'end'>>();
  const close = (actor: string, end: number): void => {
    const span = open.get(actor);
    if (!span) return;
    open.delete(actor);
    spans.set(actor, [...(spans.get(actor) ?? []), { ...span, end }]);
  };
  for (const observation of observations) {
    const { what, actor, at } = observation;
    if (what === 'releases') close(actor, at);
    if (what === 'wants' && !open.has(actor)) open.set(actor, { key: observation.key, start: at });
  }
  for (const actor of [...open.keys()]) close(actor, restAt);
  return spans;
}
