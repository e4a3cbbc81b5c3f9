import { longest, overlap, without } from './intervals.js';
import type { Finding, Invariant } from './invariant.js';
import type { Limits } from './limits.js';
import type { Timeline, Want } from './timeline.js';

/** While held and the registry in reach, a registration is missing for at most so long; one that moves is never missing. */
export const noVanish: Invariant = {
  name: 'no vanish',
  says: 'while held and the registry reachable, a registration is missing for at most a stated bound',
  *check(timeline, limits) {
    const { vanishMs, skewMs } = limits;
    for (const want of timeline.wants) {
      for (const absence of timeline.absences(want.path, want)) {
        yield {
          atMs: absence.fromMs,
          what: `${want.path}, which ${want.registration} of ${want.client} holds, was missing`,
          tookMs: timeline.longestCalm(want.client, absence),
          limitMs: vanishMs,
        };
      }
      yield* leftToTheDead(timeline, limits, want);
      if (want.end !== 'moved') continue;
      const next = timeline.wants.find(
        ({ registration, fromMs }) => registration === want.registration && fromMs === want.toMs,
      );
      if (!next) continue;
      for (const stay of timeline.staysAt(want.path)) {
        if (stay.replaced || stay.endedBy !== want.client || stay.toMs <= want.toMs || stay.toMs >= next.toMs) continue;
        const waiting = { fromMs: stay.toMs, toMs: Math.min(next.toMs, timeline.endMs) };
        const gap = without(waiting, timeline.staysAt(next.path)).find(({ fromMs }) => fromMs === stay.toMs);
        const wantedSince = timeline.wants.some(
          ({ path, fromMs, toMs }) => path === want.path && fromMs > want.toMs && toMs <= stay.toMs,
        );
        if (!gap || wantedSince || longest([gap]) <= skewMs) continue;
        // It may have stood before, and been taken away by somebody else.
        const came = timeline.staysAt(next.path).some(({ fromMs, toMs }) => fromMs >= want.toMs && toMs <= stay.toMs);
        if (!came)
          yield {
            atMs: stay.toMs,
            what: `${want.path} went before ${next.path}, where ${want.registration} moved, stood`,
          };
      }
    }
  },
};

/** What a dead session left where it was would go with it: a client that is connected must have made it its own by then. */
function* leftToTheDead(
  timeline: Timeline,
  { onTheWayMs, recoveryMs, skewMs }: Limits,
  want: Want,
): Generator<Finding> {
  if (want.persistent) return;
  const states = timeline.of('state').filter(({ client }) => client === want.client);
  for (const stay of timeline.staysAt(want.path)) {
    const end = timeline.of('session').find(({ session, change }) => session === stay.owner && change === 'ended');
    const orphaned = end && overlap({ fromMs: Math.max(end.atMs, stay.fromMs), toMs: stay.toMs }, want);
    if (!orphaned) continue;
    for (const [index, { status, session, atMs: fromMs }] of states.entries()) {
      const connected = { fromMs, toMs: states[index + 1]?.atMs ?? Infinity };
      const both = status === 'connected' ? overlap(orphaned, connected) : undefined;
      // One who has held it in this session and lost it to another cannot know that the other is dead.
      if (
        !both ||
        session === stay.owner ||
        timeline.staysAt(want.path).some(({ owner, fromMs: since }) => owner === session && since < both.fromMs)
      )
        continue;
      // What is slow is still on its way.
      if (timeline.isSlow(want.client, Math.min(both.toMs, timeline.endMs), recoveryMs)) continue;
      yield {
        atMs: both.fromMs,
        what: `${want.path}, which ${want.registration} of ${want.client} wants, was left to the dead session ${stay.owner}`,
        tookMs: timeline.longestCalm(want.client, both),
        limitMs: 2 * onTheWayMs + skewMs,
      };
    }
  }
}
