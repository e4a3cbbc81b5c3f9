import { type Recording, SLACK_MS } from '../recording.js';
import { readProviderNode } from '../registryState.js';
import { isAffected, of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

const BEYOND_SESSION_MS = 1_000;

/**
 * What was taken back, or whose process the servers hear no more, is gone within the session timeout and a second, and
 * never comes back.
 */
export const noGhost: Invariant = (recording) => {
  const { effect, from, healedAt, restAt, sessionTimeoutMs, changes } = recording;
  const unwanted = unwantedAt(recording);
  const silent = silentSerials(recording);
  const present = new Map<string, string>();
  /** Those that went after they were taken back. */
  const gone = new Map<string, number>();
  const back = new Map<string, number>();
  const seen: string[] = [];
  let measuredMs = 0;
  for (const { at, changes: together } of changes) {
    const put = new Set(together.filter(({ type }) => type === 'put').map(({ path }) => path));
    for (const change of together) {
      const node = change.type === 'put' ? readProviderNode(change) : undefined;
      // A node that is replaced in one step does not go.
      if (!node && put.has(change.path)) continue;
      const serial = node?.serial ?? present.get(change.path);
      if (serial === undefined) continue;
      const unwantedSince = unwanted.get(serial);
      if (node) {
        present.set(node.path, serial);
        if (gone.has(serial) && at >= from) back.set(serial, at);
        continue;
      }
      present.delete(change.path);
      const backSince = back.get(serial);
      // What a server that stood still does late is undone at once, over a slow link as soon as that is over.
      if (backSince !== undefined && at - Math.max(backSince, slowUntil(serial)) > SLACK_MS) {
        seen.push(`${serial} came back at ${since(recording, backSince)}, until ${since(recording, at)}`);
      }
      back.delete(serial);
      if (unwantedSince !== undefined && at >= unwantedSince) gone.set(serial, at);
      if (unwantedSince !== undefined && unwantedSince >= from) {
        measuredMs = Math.max(measuredMs, at - Math.max(unwantedSince, healedAt));
      }
      if (silent.delete(serial)) measuredMs = Math.max(measuredMs, at - from);
    }
  }
  for (const serial of present.values()) {
    if (unwanted.has(serial)) seen.push(`${serial} is still there at ${since(recording, restAt)}`);
  }
  for (const serial of silent) seen.push(`${serial} stayed, though its process could not be heard`);
  return verdict(seen, { measuredMs, boundMs: sessionTimeoutMs + BEYOND_SESSION_MS + SLACK_MS });

  function slowUntil(serial: string): number {
    return effect.slow && isAffected(recording, processOf(recording, serial)) ? healedAt : -Infinity;
  }
};

/** The process that wanted a registration last. */
function processOf(recording: Recording, serial: string): string {
  const owner = of(recording, 'wants').findLast((each) => each.serial === serial)?.actor;
  return recording.actors.get(owner ?? '')?.process ?? '';
}

/** Since when each registration is not wanted any more: released, or moved to one that stands by then. */
function unwantedAt({ observations, changes }: Recording): ReadonlyMap<string, number> {
  const standsAt = new Map<string, number>();
  for (const { at, changes: together } of changes) {
    for (const change of together) {
      const node = change.type === 'put' ? readProviderNode(change) : undefined;
      if (node && !standsAt.has(node.serial)) standsAt.set(node.serial, at);
    }
  }
  const unwanted = new Map<string, number>();
  /** What each provider has announced since it last released everything. */
  const announced = new Map<string, string[]>();
  for (const observation of observations) {
    const { what, actor, at } = observation;
    if (what === 'releases') {
      for (const serial of announced.get(actor) ?? []) unwanted.set(serial, Math.min(unwanted.get(serial) ?? at, at));
      announced.delete(actor);
    }
    if (what !== 'wants') continue;
    const before = announced.get(actor) ?? [];
    const since = standsAt.get(observation.serial);
    if (since !== undefined) {
      for (const serial of before.filter((each) => each !== observation.serial))
        unwanted.set(serial, Math.min(unwanted.get(serial) ?? Infinity, Math.max(at, since)));
    }
    announced.set(actor, [...before, observation.serial]);
  }
  return unwanted;
}

/** What was there when the servers heard the last of its process, for longer than it may stay. */
function silentSerials(recording: Recording): Set<string> {
  const { effect, from, healedAt, sessionTimeoutMs, changes } = recording;
  if (!effect.unheard || healedAt - from < sessionTimeoutMs + BEYOND_SESSION_MS + SLACK_MS) return new Set();
  const there = new Map<string, string>();
  for (const { at, changes: together } of changes) {
    if (at >= from) break;
    for (const change of together) {
      const node = change.type === 'put' ? readProviderNode(change) : undefined;
      if (node) there.set(node.path, node.serial);
      else there.delete(change.path);
    }
  }
  return new Set([...there.values()].filter((serial) => isAffected(recording, processOf(recording, serial))));
}
