import { map, type OperatorFunction, pairwise, startWith } from 'rxjs';
import type { KeyChange } from './mergeKeys.js';

/** What came and went from set to set, for a source that does not say so itself. */
export function keyChanges<K>(): OperatorFunction<ReadonlySet<K>, KeyChange<K>> {
  return (source) =>
    source.pipe(
      startWith(new Set<K>()),
      pairwise(),
      map(([before, keys]) => ({
        added: [...keys].filter((key) => !before.has(key)),
        gone: [...before].filter((key) => !keys.has(key)),
      })),
    );
}
