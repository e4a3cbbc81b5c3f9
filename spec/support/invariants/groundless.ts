import type { ToldEvent } from './history.js';
import { without } from './intervals.js';
import type { Limits } from './limits.js';
import type { Timeline } from './timeline.js';

/** An event that a consumer was told though nothing at the server had happened that it could speak of. */
export interface Groundless {
  readonly consumer: string;
  readonly event: ToldEvent;
}

/**
 * Finds what was told without ground: each `add` and `delete` must stand for a time of its own in which the instance was
 * there, or was not, one after the other; what an instance is told to say, a node must have said.
 */
export function* groundless(timeline: Timeline, { skewMs }: Limits): Generator<Groundless> {
  for (const consumer of timeline.consumers) {
    const instances = timeline.instances(consumer.sees);
    const sinceMs = new Map<string, number>();
    for (const event of consumer.told) {
      const { key, type, says, atMs } = event;
      const stays = instances.get(key) ?? [];
      const from = sinceMs.get(key) ?? 0;
      const past = { fromMs: from, toMs: atMs + skewMs + 1 };
      const ground =
        type === 'delete'
          ? without(past, stays).at(0)
          : stays.find((stay) => stay.fromMs < past.toMs && stay.toMs >= from && stay.instance?.says === says);
      if (!ground) yield { consumer: consumer.name, event };
      else sinceMs.set(key, Math.max(from, ground.fromMs));
    }
  }
}
