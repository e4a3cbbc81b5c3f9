import { isNew } from './history.js';
import type { Invariant } from './invariant.js';

/** At rest there is as much of everything as is needed, and nobody writes. */
export const boundedLoad: Invariant = {
  name: 'bounded load, no leak',
  says: 'a change costs O(1) per watcher; watches, timers, sockets, listeners are back at the baseline afterwards',
  *check(timeline) {
    for (const { atMs, what, have, need } of timeline.of('count')) {
      if (have !== need) yield { atMs, what: `${have} ${what}, where ${need} are needed` };
    }
    let resting = false;
    for (const event of timeline.history) {
      if (event.kind === 'rest') resting = true;
      else if (event.kind === 'fault' || isNew(event)) resting = false;
      else if (resting && event.kind === 'node') {
        yield { atMs: event.atMs, what: `${event.by} wrote ${event.path} at rest` };
      }
    }
  },
};
