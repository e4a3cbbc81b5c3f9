import type { Invariant } from './invariant.js';

/** Add only if absent, update only if present and different, delete only if present; the fold equals the set. */
export const legalEvents: Invariant = {
  name: 'legal events',
  says: 'add only if absent, update only if present and different, delete only if present; the fold equals the snapshot',
  *check(timeline) {
    const folds = new Map<string, Map<string, string>>();
    for (const event of timeline.history) {
      if (event.kind !== 'told' && event.kind !== 'set') continue;
      const { atMs, consumer } = event;
      const fold = folds.get(consumer) ?? new Map<string, string>();
      folds.set(consumer, fold);
      if (event.kind === 'set') {
        const { instances } = event;
        const same = instances.size === fold.size && [...fold].every(([key, says]) => instances.get(key) === says);
        if (!same)
          yield { atMs, what: `${consumer} got a set of ${instances.size} where its events add up to ${fold.size}` };
        continue;
      }
      const { type, key, says, previous } = event;
      const known = fold.get(key);
      const flaw = (what: string) => ({ atMs, what: `${consumer} was told ${type} of ${key}, ${what}` });
      if (type === 'add' && known !== undefined) yield flaw('which it has');
      if (type !== 'add' && known === undefined) yield flaw('which it does not have');
      if (type === 'update' && known === says) yield flaw('which changes nothing');
      if (type === 'update' && known !== undefined && previous !== known) yield flaw('from what it was not');
      if (type === 'delete') fold.delete(key);
      else fold.set(key, says);
    }
  },
};
