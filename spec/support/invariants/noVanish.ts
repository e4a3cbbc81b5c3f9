import { longest, without } from './intervals.js';
import type { Invariant } from './invariant.js';

/** While held and the registry in reach, a registration is missing for at most so long; one that moves is never missing. */
export const noVanish: Invariant = {
  name: 'no vanish',
  says: 'while held and the registry reachable, a registration is missing for at most a stated bound',
  *check(timeline, { vanishMs, skewMs }) {
    for (const want of timeline.wants) {
      for (const absence of timeline.absences(want.path, want)) {
        yield {
          atMs: absence.fromMs,
          what: `${want.path}, which ${want.registration} of ${want.client} holds, was missing`,
          tookMs: timeline.longestCalm(want.client, absence),
          limitMs: vanishMs,
        };
      }
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
