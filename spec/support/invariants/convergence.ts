import { isNew } from './history.js';
import type { Finding, Invariant } from './invariant.js';
import type { Limits } from './limits.js';
import { mayStay } from './mayStay.js';
import type { Timeline } from './timeline.js';

/** At rest everybody is connected, the registry has what live registrations want, and every view is what the registry has. */
export const convergence: Invariant = {
  name: 'convergence',
  says: 'after the last fault, within backoff maximum + session timeout: every view = the registry = what live registrars want',
  *check(timeline, limits) {
    const { recoveryMs, sessionMs } = limits;
    for (const { atMs } of timeline.of('rest')) {
      yield* connected(timeline, atMs);
      yield* registered(timeline, limits, atMs);
      yield* views(timeline, atMs);
      const before = timeline.history.filter((event) => event.atMs <= atMs);
      const sinceMs = Math.max(timeline.lastFaultBefore(atMs), before.findLast(isNew)?.atMs ?? 0);
      const lastMs = before.findLast(({ kind }) => kind === 'told' || kind === 'node' || kind === 'state')?.atMs ?? 0;
      yield {
        atMs: lastMs,
        what: 'the last change after the last fault came late',
        tookMs: Math.max(0, lastMs - sinceMs),
        limitMs: recoveryMs + sessionMs,
      };
    }
  },
};

function* connected(timeline: Timeline, atMs: number): Generator<Finding> {
  for (const client of timeline.clients) {
    const closed = timeline.of('close').some((event) => event.client === client && event.atMs <= atMs);
    const status = timeline.of('state').findLast((event) => event.client === client && event.atMs <= atMs)?.status;
    if (!closed && status !== undefined && status !== 'connected') yield { atMs, what: `${client} is ${status}` };
  }
}

function* registered(timeline: Timeline, limits: Limits, atMs: number): Generator<Finding> {
  const wanted = new Map(
    timeline.wants.filter(({ fromMs, toMs }) => fromMs <= atMs && toMs > atMs).map((want) => [want.path, want]),
  );
  const present = timeline.stays.filter(({ fromMs, toMs }) => fromMs <= atMs && toMs > atMs);
  const paths = new Set(present.map(({ path }) => path));
  for (const [path, { registration, client }] of wanted) {
    if (!paths.has(path)) yield { atMs, what: `${path}, which ${registration} of ${client} wants, is not there` };
  }
  for (const { path, owner, by } of present) {
    // What somebody else put there, and what outlived its session on purpose, is what it is.
    const foreign =
      owner === undefined &&
      (by === 'operator' || timeline.wants.some((want) => want.path === path && mayStay(timeline, want, limits)));
    if (!wanted.has(path) && !foreign) yield { atMs, what: `${path} is there, which nobody wants` };
  }
}

function* views(timeline: Timeline, atMs: number): Generator<Finding> {
  for (const consumer of timeline.consumers) {
    if (consumer.fromMs > atMs || consumer.toMs <= atMs) continue;
    const view = new Map(
      timeline
        .beliefs(consumer)
        .filter(({ fromMs, toMs }) => fromMs <= atMs && toMs > atMs)
        .map(({ key, says }) => [key, says]),
    );
    const registry = new Map<string, string[]>();
    for (const [key, stays] of timeline.instances(consumer.sees)) {
      const now = stays.filter(({ fromMs, toMs }) => fromMs <= atMs && toMs > atMs);
      if (now.length > 0)
        registry.set(
          key,
          now.map(({ instance }) => instance!.says),
        );
    }
    for (const [key, says] of registry) {
      const known = view.get(key);
      if (known === undefined) yield { atMs, what: `${consumer.name} does not know of ${key}` };
      else if (!says.includes(known))
        yield { atMs, what: `${consumer.name} takes ${key} for ${known}, which is ${says.join(' and ')}` };
    }
    for (const key of view.keys())
      if (!registry.has(key)) yield { atMs, what: `${consumer.name} believes in ${key}, which is not there` };
  }
}
