import type { Invariant } from './invariant.js';

/** At rest a registration has one node at most, and a client owns nothing else. */
export const singleRegistration: Invariant = {
  name: 'single registration',
  says: 'at rest at most one live node per registration',
  *check(timeline) {
    for (const { atMs } of timeline.of('rest')) {
      const wants = timeline.wants.filter(({ fromMs, toMs }) => fromMs <= atMs && toMs > atMs);
      for (const { path, owner, fromMs, toMs } of timeline.stays) {
        if (owner === undefined || fromMs > atMs || toMs <= atMs) continue;
        const client = timeline.clientOfSession.get(owner);
        if (!wants.some((want) => want.client === client && want.path === path)) {
          yield { atMs, what: `${path} is left of ${client}, where it wants nothing` };
        }
      }
    }
  },
};
