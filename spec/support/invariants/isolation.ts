import type { Invariant } from './invariant.js';

/** One bad record or subscriber harms nothing beside it: no stream ends by itself, and garbage is reported once. */
export const isolation: Invariant = {
  name: 'isolation',
  says: 'one poison record, one throwing subscriber, one failing path harms nothing beside it',
  *check(timeline) {
    for (const { atMs, client, stream, error, expected } of timeline.of('ended')) {
      if (expected) continue;
      yield {
        atMs,
        what: `${stream} of ${client} ${error === undefined ? 'completed by itself' : `errored: ${error}`}`,
      };
    }
    const reported = new Set<string>();
    for (const { atMs, client, code, path } of timeline.of('warning')) {
      if (code !== 'UNREADABLE_NODE') continue;
      const id = `${client} ${path}`;
      if (reported.has(id)) yield { atMs, what: `${client} reported ${path} again` };
      reported.add(id);
    }
    for (const { atMs } of timeline.of('rest')) {
      const poison = timeline.stays.filter(({ instance, fromMs, toMs }) => !instance && fromMs <= atMs && toMs > atMs);
      for (const { client, sees, fromMs, toMs } of timeline.consumers) {
        if (fromMs > atMs || toMs <= atMs) continue;
        for (const { path } of poison) {
          if (sees(path) && !reported.has(`${client} ${path}`))
            yield { atMs, what: `${client} kept ${path} to itself, which it cannot read` };
        }
      }
    }
  },
};
