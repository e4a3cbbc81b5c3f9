import { since } from '../timeline.js';
import { replay } from './replay.js';
import { type Invariant, verdict } from './verdict.js';

/**
 * `add` only of what is absent, `update` and `delete` only of what is present, each true at some moment of the servers'
 * history and in its order; every set is what the events before it add up to.
 */
export const legalEvents: Invariant = (recording) => {
  const views = new Map<string, Map<string, string>>();
  const seen: string[] = [];
  const note = (at: number, text: string): void => {
    if (at >= recording.from) seen.push(`${text}, at ${since(recording, at)}`);
  };
  for (const observation of recording.observations) {
    const { actor, at } = observation;
    const view = views.get(actor) ?? new Map<string, string>();
    views.set(actor, view);
    if (observation.what === 'ended' || observation.what === 'entered') views.delete(actor);
    if (observation.what === 'told') {
      const { type, key, serial } = observation;
      const known = view.get(key);
      if (type === 'add' ? known !== undefined : known === undefined)
        note(at, `${actor}: ${type} of ${key} (${known})`);
      if (type === 'update' && known === serial) note(at, `${actor}: update of ${key} that changes nothing`);
      if (type === 'delete' && known !== serial) note(at, `${actor}: delete of ${serial}, known as ${known}`);
      if (type === 'delete') view.delete(key);
      else view.set(key, serial);
    }
    if (observation.what === 'set') {
      const entries = Object.entries(observation.services);
      const same = entries.length === view.size && entries.every(([key, serial]) => view.get(key) === serial);
      if (!same) note(at, `${actor}: a set of ${entries.length} where the events add up to ${view.size}`);
    }
  }
  return verdict([...seen, ...replay(recording).unfoundedNews]);
};
