import { overlap, without } from './intervals.js';
import type { Invariant } from './invariant.js';

/** Whatever was deleted at the server is deleted in every view: also what came back later, as the server's history says. */
export const noMissedRemoval: Invariant = {
  name: 'no missed removal',
  says: 'everything deleted at the server is deleted in the view, whatever happened to the connection meanwhile',
  *check(timeline, { recoveryMs, onTheWayMs, coalesceMs }) {
    for (const consumer of timeline.consumers) {
      const { name, client, sees, told } = consumer;
      const instances = timeline.instances(sees);
      for (const belief of timeline.beliefs(consumer)) {
        const stays = instances.get(belief.key) ?? [];
        for (const gone of without(belief, stays)) {
          yield {
            atMs: gone.fromMs,
            what: `${name} went on believing in ${belief.key}, which was gone`,
            tookMs: timeline.longestCalm(client, gone),
            limitMs: recoveryMs,
          };
        }
      }
      for (const [key, stays] of instances) {
        // What was gone for a while, with the consumer at peace before, in and after it, was seen to go.
        const seen = overlap(
          { fromMs: consumer.fromMs + recoveryMs, toMs: consumer.toMs },
          { fromMs: stays[0]!.fromMs, toMs: stays.at(-1)!.toMs },
        );
        for (const gone of seen ? without(seen, stays) : []) {
          if (gone.toMs - gone.fromMs <= coalesceMs || gone.fromMs === seen?.fromMs) continue;
          const around = { fromMs: gone.fromMs - recoveryMs, toMs: Math.min(gone.toMs + onTheWayMs, timeline.endMs) };
          const untilMs = gone.fromMs + onTheWayMs;
          if (
            timeline.longestCalm(client, around) < around.toMs - around.fromMs ||
            untilMs >= Math.min(consumer.toMs, timeline.endMs)
          )
            continue;
          const heard = told.some(
            (event) =>
              event.key === key && event.type === 'delete' && event.atMs >= gone.fromMs && event.atMs <= untilMs,
          );
          if (!heard) yield { atMs: gone.fromMs, what: `${name} was never told that ${key} went` };
        }
      }
    }
  },
};
