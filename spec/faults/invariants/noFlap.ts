import type { Recording } from '../recording.js';
import { isAffected, type Moment, momentsOf, of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/** How far the times of the servers' history and of ours can be apart. */
const CLOCKS_MS = 100;

/**
 * Who stays as it is and whose session goes on is not touched on the servers, and nobody is told anything of it; a fault
 * that leaves sessions the time to go on ends none; and who has been told that it is registered is, also when the session of
 * its predecessor ends.
 */
export const noFlap: Invariant = (recording) => {
  const { actors, owners, from, effect, last, restAt } = recording;
  if (effect.takesNodes) return undefined;
  const until = last?.at ?? restAt;
  const moments = momentsOf(recording.changes);
  const newcomers = new Set(
    of(recording, 'entered')
      .filter(({ at }) => at >= from)
      .map(({ actor }) => actor),
  );
  const told = of(recording, 'told').filter(({ at, actor }) => at >= from && at < until && !newcomers.has(actor));
  const keys = new Map(of(recording, 'wants').map(({ actor, key }) => [actor, key]));
  const seen: string[] = [];
  let all = 0;
  let survivors = 0;
  for (const actor of actors.values()) {
    if (actor.role !== 'provider' || !actor.steady) continue;
    const key = keys.get(actor.name) ?? '';
    const before = momentAt(moments.get(key) ?? [], from);
    const owner = before?.nodes[0]?.owner;
    if (before === undefined || owner === undefined) continue;
    all += 1;
    if (!owners.has(owner)) {
      const mustSurvive = isSurvivable(recording) || !isAffected(recording, actor.process);
      if (mustSurvive) seen.push(`the session ${owner} of ${actor.name} did not survive`);
      continue;
    }
    survivors += 1;
    for (const { at, revision } of moments.get(key) ?? []) {
      if (at >= from && at < until) seen.push(`${key} was touched at ${since(recording, at)} (${revision})`);
    }
    for (const { at, actor: consumer, type, serial } of told.filter((each) => each.key === key)) {
      seen.push(`${consumer} was told ${type} ${serial} of ${key} at ${since(recording, at)}`);
    }
  }
  for (const [name, registeredAt] of registeredSince(recording, until)) {
    const key = keys.get(name) ?? '';
    const went = moments
      .get(key)
      ?.find(({ at, nodes }) => at > registeredAt + CLOCKS_MS && at < until && nodes.length === 0);
    if (went)
      seen.push(`${key} was gone at ${since(recording, went.at)}, registered at ${since(recording, registeredAt)}`);
  }
  return verdict(seen, { note: `${survivors} of ${all}` });
};

/** Since when those who registered after the fault began are registered, in one session and as one and the same. */
function registeredSince({ observations, from, actors }: Recording, until: number): ReadonlyMap<string, number> {
  const registered = new Map<string, number>();
  for (const observation of observations) {
    const { what, actor, at } = observation;
    if (at < from || at >= until || !actors.has(actor)) continue;
    if (what === 'state' || what === 'wants' || what === 'releases' || what === 'entered') registered.delete(actor);
    if (what === 'registration' && observation.status === 'registered' && !registered.has(actor))
      registered.set(actor, at);
  }
  return registered;
}

function isSurvivable({ effect: { survivable }, kind }: Recording): boolean {
  return survivable === true || survivable === kind;
}

/** What an instance had at a time. */
function momentAt(moments: readonly Moment[], time: number): Moment | undefined {
  return moments.findLast(({ at }) => at < time);
}
