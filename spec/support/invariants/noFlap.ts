import { groundless } from './groundless.js';
import type { Invariant } from './invariant.js';

/** As long as a session lives, what is registered in it stays as it is: nobody takes it away, and nobody is told that it moved. */
export const noFlap: Invariant = {
  name: 'no flap',
  says: 'if the session survives, consumers elsewhere see zero events',
  *check(timeline, limits) {
    for (const stay of timeline.stays) {
      const client = stay.owner === undefined ? undefined : timeline.clientOfSession.get(stay.owner);
      if (client === undefined || stay.endedBy !== client) continue;
      const want = timeline.wants.find(
        (candidate) =>
          candidate.client === client &&
          candidate.path === stay.path &&
          candidate.fromMs < stay.toMs &&
          candidate.toMs > stay.toMs,
      );
      // A removal that was on its way when it was wanted again is none of this.
      if (!want || timeline.longestCalm(client, { fromMs: want.fromMs, toMs: stay.toMs }) <= limits.onTheWayMs)
        continue;
      const owners = timeline
        .of('session')
        .filter(({ session, change, atMs }) => session === stay.owner && change === 'ended' && atMs <= stay.toMs);
      if (owners.length > 0) continue;
      yield {
        atMs: stay.toMs,
        what: `${client} ${stay.replaced ? 'wrote' : 'took away'} ${stay.path}, which stood in its session ${stay.owner} and was wanted`,
      };
    }
    for (const { consumer, event } of groundless(timeline, limits)) {
      if (event.type === 'delete') continue;
      yield {
        atMs: event.atMs,
        what: `${consumer} was told ${event.type} of ${event.key}, for which there is no ground: ${event.says}`,
      };
    }
  },
};
