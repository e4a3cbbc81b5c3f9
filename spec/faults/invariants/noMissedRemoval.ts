import type { Observation } from '../../support/population/actors.js';
import { BACKOFF_MAX_MS, type Recording, SLACK_MS } from '../recording.js';
import { isAffected, momentsOf, of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

type News = Observation & { readonly what: 'told' };

/** How far the times of the servers' history and of ours can be apart. */
const CLOCKS_MS = 250;

/**
 * What is deleted at the servers is deleted for every consumer that knew of it: at once for who can hear of it, after the
 * fault for who cannot. What is back before anybody could be told was never gone.
 */
export const noMissedRemoval: Invariant = (recording) => {
  const { from, healedAt, restAt, sessionTimeoutMs, changes, actors } = recording;
  const boundMs = BACKOFF_MAX_MS + sessionTimeoutMs + SLACK_MS;
  const news = newsByConsumer(recording);
  const turns = recording.observations.filter(({ what }) => what === 'entered' || what === 'closed');
  // Who has closed, or begun anew, believes nothing of what was before.
  const isOf = (actor: string, at: number, until: number): boolean =>
    !turns.some((turn) => turn.actor === actor && turn.at > at && turn.at <= until);
  const seen: string[] = [];
  let measuredMs = 0;
  for (const [key, moments] of momentsOf(changes)) {
    for (const [index, { at, nodes }] of moments.entries()) {
      if (nodes.length > 0 || index === 0 || at < from) continue;
      const backAt = moments[index + 1]?.at ?? Infinity;
      for (const actor of actors.values()) {
        if (actor.role !== 'consumer' || !(actor.interface === '*' || key.endsWith(`/${actor.interface}`))) continue;
        const told = news.get(`${actor.name} ${key}`) ?? [];
        const canHearAt = isAffected(recording, actor.process) ? Math.max(at, healedAt) : at;
        const heard = told.find(({ type, at: time }) => type === 'delete' && time >= at - CLOCKS_MS && time < backAt);
        if (heard) measuredMs = Math.max(measuredMs, heard.at - canHearAt);
        const deadline = Math.min(canHearAt + boundMs, restAt);
        if (backAt < deadline) continue;
        const belief = told.findLast(({ at: time }) => time <= deadline);
        if (!belief || belief.type === 'delete' || !isOf(actor.name, belief.at, deadline)) continue;
        seen.push(`${actor.name} believed in ${belief.serial} of ${key}, which went at ${since(recording, at)}`);
      }
    }
  }
  return verdict(seen, { measuredMs, boundMs });
};

function newsByConsumer(recording: Recording): ReadonlyMap<string, readonly News[]> {
  const news = new Map<string, News[]>();
  for (const told of of(recording, 'told')) {
    const name = `${told.actor} ${told.key}`;
    const all = news.get(name);
    if (all) all.push(told);
    else news.set(name, [told]);
  }
  return news;
}
