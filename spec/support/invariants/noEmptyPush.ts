import type { StateEvent } from './history.js';
import { groundless } from './groundless.js';
import { without } from './intervals.js';
import type { Invariant } from './invariant.js';

/** An outage takes nothing from any view: nothing is told without a connection, and nothing that is there is told gone. */
export const noEmptyPush: Invariant = {
  name: 'no empty push',
  says: 'an outage removes nothing from any view; a true removal of the last instance arrives',
  *check(timeline, limits) {
    const consumers = new Map(timeline.consumers.map((consumer) => [consumer.name, consumer]));
    const states = new Map<string, StateEvent>();
    for (const event of timeline.history) {
      if (event.kind === 'state') states.set(event.client, event);
      if (event.kind !== 'told') continue;
      const consumer = consumers.get(event.consumer);
      const status = consumer && states.get(consumer.client)?.status;
      // One that comes late is told what the others know.
      if (!consumer || status === 'connected' || event.atMs <= consumer.fromMs + limits.skewMs + 1) continue;
      yield {
        atMs: event.atMs,
        what: `${event.consumer} was told ${event.type} of ${event.key} while ${consumer.client} was ${status}`,
      };
    }
    for (const { consumer, event } of groundless(timeline, limits)) {
      if (event.type === 'delete')
        yield { atMs: event.atMs, what: `${consumer} was told that ${event.key} went, which was there all the time` };
    }
    for (const consumer of timeline.consumers) {
      const all = [...timeline.instances(consumer.sees).values()].flat();
      const believed = timeline.beliefs(consumer);
      for (const empty of without(consumer, all)) {
        for (const belief of believed) {
          const fromMs = Math.max(empty.fromMs, belief.fromMs);
          const toMs = Math.min(empty.toMs, belief.toMs);
          if (fromMs >= toMs) continue;
          yield {
            atMs: fromMs,
            what: `${consumer.name} believed in ${belief.key} where there was nobody left`,
            tookMs: timeline.longestCalm(consumer.client, { fromMs, toMs }),
            limitMs: limits.recoveryMs,
          };
        }
      }
    }
  },
};
