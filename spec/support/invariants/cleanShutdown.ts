import type { Invariant } from './invariant.js';

/** A registry closes by its deadline, in order, and is silent afterwards. */
export const cleanShutdown: Invariant = {
  name: 'clean shutdown',
  says: 'release acknowledged → watches gone → session closed; close() resolves by its deadline; nothing is written after it; no unhandled rejection',
  *check(timeline, { skewMs, onTheWayMs }) {
    for (const { atMs, error } of timeline.of('unhandled')) yield { atMs, what: `nobody caught: ${error}` };
    const done = timeline.of('close').filter(({ change }) => change === 'done');
    for (const { client, atMs: askedMs, deadlineMs } of timeline
      .of('close')
      .filter(({ change }) => change === 'asked')) {
      const doneMs = done.find((event) => event.client === client)?.atMs;
      if (doneMs !== undefined || timeline.endMs > askedMs + deadlineMs) {
        yield {
          atMs: askedMs,
          what: `${client} took its time to close`,
          tookMs: (doneMs ?? timeline.endMs) - askedMs,
          limitMs: deadlineMs + skewMs + 1,
        };
      }
      const ended = timeline
        .of('session')
        .find((event) => event.client === client && event.change === 'ended' && event.by === client);
      if (ended && ended.atMs >= askedMs) {
        const calm = timeline.longestCalm(client, { fromMs: askedMs, toMs: ended.atMs }) >= ended.atMs - askedMs;
        const early = ended.atMs - askedMs < deadlineMs;
        if (calm && early && ended.nodes)
          yield { atMs: ended.atMs, what: `${client} ended its session with ${ended.nodes} nodes not taken back` };
        if (ended.watches)
          yield { atMs: ended.atMs, what: `${client} ended its session with ${ended.watches} watches` };
      }
      if (doneMs === undefined) continue;
      for (const event of timeline.history) {
        if (event.atMs <= doneMs + skewMs) continue;
        if (event.kind === 'attempt' && event.client === client)
          yield { atMs: event.atMs, what: `${client} knocked after it had closed` };
        if (event.kind === 'node' && event.by === client) {
          const fromMs = doneMs;
          // What it had sent before is carried out when the server gets it.
          yield {
            atMs: event.atMs,
            what: `${client} wrote ${event.path} after it had closed`,
            tookMs: timeline.longestCalm(client, { fromMs, toMs: event.atMs }),
            limitMs: onTheWayMs,
          };
        }
      }
    }
  },
};
