import type { StateEvent } from './history.js';
import type { Interval } from './intervals.js';
import { overlap } from './intervals.js';
import type { Finding, Invariant } from './invariant.js';
import type { Timeline } from './timeline.js';

/** Silence is noticed on time, with no server's help. */
export const liveness: Invariant = {
  name: 'liveness',
  says: "a black hole is suspended and then lost on time without a server's help",
  *check(timeline, { recoveryMs, suspendedMs, lostMs }) {
    for (const client of timeline.clients) {
      const stays = statesOf(timeline, client);
      for (const silence of timeline.silences(client)) {
        const late = (statuses: readonly StateEvent['status'][], limitMs: number): Finding[] =>
          stays
            .filter(({ status }) => statuses.includes(status))
            .flatMap((state) => {
              const common = overlap(state, { fromMs: silence.fromMs, toMs: Math.min(silence.toMs, timeline.endMs) });
              if (!common) return [];
              const what = `${client} was ${state.status} in a silence that began at ${silence.fromMs} ms`;
              return [{ atMs: common.toMs, what, tookMs: common.toMs - silence.fromMs, limitMs }];
            });
        // What was sent before, and is slow, may still come.
        if (!timeline.isSlow(client, silence.fromMs, recoveryMs)) yield* late(['connected'], suspendedMs);
        yield* late(['connected', 'suspended'], lostMs);
      }
    }
  },
};

function statesOf(timeline: Timeline, client: string): (Interval & Pick<StateEvent, 'status'>)[] {
  const states = timeline.of('state').filter((event) => event.client === client);
  return states.map(({ atMs, status }, index) => ({ status, fromMs: atMs, toMs: states[index + 1]?.atMs ?? Infinity }));
}
