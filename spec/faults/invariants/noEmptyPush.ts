import { SLACK_MS } from '../recording.js';
import { of, since } from '../timeline.js';
import { replay } from './replay.js';
import { type Invariant, verdict } from './verdict.js';

/** An outage takes nothing away from anybody; that the last instance was really removed is told. */
export const noEmptyPush: Invariant = (recording) => {
  const { last, actors, restAt } = recording;
  const seen = [...replay(recording).unfoundedDeletes];
  if (!last) return verdict(seen);
  let measuredMs = 0;
  const told = of(recording, 'told').filter(
    ({ type, key, at }) => type === 'delete' && key === last.key && at >= last.at,
  );
  const empty = of(recording, 'set').filter(({ services, at }) => at >= last.at && Object.keys(services).length === 0);
  for (const actor of actors.values()) {
    if (actor.role !== 'consumer' || !(actor.interface === '*' || last.key.endsWith(`/${actor.interface}`))) continue;
    const heard = told.find((each) => each.actor === actor.name);
    measuredMs = Math.max(measuredMs, (heard?.at ?? restAt) - last.at);
    if (!heard) seen.push(`${actor.name} was not told that the last instance went at ${since(recording, last.at)}`);
    else if (actor.interface !== '*' && !empty.some((each) => each.actor === actor.name)) {
      seen.push(`${actor.name} was not given the empty set after ${since(recording, last.at)}`);
    }
  }
  return verdict(seen, { measuredMs, boundMs: SLACK_MS });
};
