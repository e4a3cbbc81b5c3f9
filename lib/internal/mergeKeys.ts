import {
  concat,
  defer,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  type OperatorFunction,
  Subject,
  takeUntil,
} from 'rxjs';

/** How a set of keys changes: what it costs does not depend on how many there are. */
export interface KeyChange<K> {
  /** Keys that were not in the set. */
  readonly added: readonly K[];
  /** Keys that were in the set, and are not any more. */
  readonly gone: readonly K[];
}

/** What {@link mergeKeys} tells. */
export type KeyEvent<K, T> =
  /** The keys that came and went; told before anything of a key that is new. */
  | ({ readonly type: 'keys' } & KeyChange<K>)
  /** What the work of one key emitted. */
  | { readonly type: 'value'; readonly key: K; readonly value: T };

/**
 * Runs `project` once for each key of a set that changes, as long as the key is in it, and merges what they emit.
 *
 * ```text
 *  changes     --+a------+b------(-a)--
 *  project(a)    ---1-----2------!
 *  project(b)            --1---------2
 * ```
 *
 * What `switchMap` is for one thing at a time, for many. Errors with the first of them, completes with the last.
 */
export function mergeKeys<K, T>(project: (key: K) => Observable<T>): OperatorFunction<KeyChange<K>, KeyEvent<K, T>> {
  return (source) =>
    defer(() => {
      const ends = new Map<K, Subject<void>>();
      const work = (key: K): Observable<KeyEvent<K, T>> => {
        const end = new Subject<void>();
        ends.set(key, end);
        return project(key).pipe(
          map((value): KeyEvent<K, T> => ({ type: 'value', key, value })),
          takeUntil(end),
        );
      };
      return source.pipe(
        mergeMap(({ added, gone }) => {
          for (const key of gone) {
            ends.get(key)?.next();
            ends.delete(key);
          }
          return concat(of<KeyEvent<K, T>>({ type: 'keys', added, gone }), merge(...added.map(work)));
        }),
      );
    });
}
