import { overlap } from './intervals.js';
import type { Invariant } from './invariant.js';
import { mayStay } from './mayStay.js';
import type { Stay, Timeline, Want } from './timeline.js';

/** What was released, or whose client is gone, is gone in time, and never comes back. */
export const noGhost: Invariant = {
  name: 'no ghost',
  says: 'what was released or killed is gone within the session timeout + 1 s, and never comes back',
  *check(timeline, limits) {
    const { ghostMs, onTheWayMs, recoveryMs } = limits;
    for (const want of timeline.wants) {
      const { client, path, heldUntilMs: toMs } = want;
      if (want.end === 'never' || mayStay(timeline, want, limits)) continue;
      const again = timeline.wants.filter(
        (other) => other.client === client && other.path === path && other.heldUntilMs > toMs,
      );
      const unwanted = {
        fromMs: toMs,
        toMs: again.reduce((first, other) => Math.min(first, Math.max(other.fromMs, toMs)), Infinity),
      };
      for (const stay of timeline.staysAt(path)) {
        const ghost = overlap(stay, unwanted);
        if (!ghost || !isOf(timeline, stay, want)) continue;
        yield {
          atMs: ghost.fromMs,
          what: `${path}, which ${want.registration} of ${client} let go at ${toMs} ms, stayed`,
          // No session takes a persistent one along: its client must, once it can.
          ...(want.persistent
            ? { tookMs: timeline.longestCalm(client, ghost), limitMs: recoveryMs }
            : { tookMs: timeline.longestServerCalm(client, ghost), limitMs: ghostMs }),
        };
        if (stay.fromMs >= toMs && stay.by === client) {
          yield {
            atMs: stay.fromMs,
            what: `${path} came back after ${want.registration} of ${client} had let it go at ${toMs} ms`,
            tookMs: timeline.longestCalm(client, { fromMs: toMs, toMs: stay.fromMs }),
            limitMs: onTheWayMs,
          };
        }
      }
    }
  },
};

function isOf(timeline: Timeline, { owner, by }: Stay, { client, persistent }: Want): boolean {
  return persistent ? by === client : owner !== undefined && timeline.clientOfSession.get(owner) === client;
}
