import {
  concat,
  connect,
  filter,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  type OperatorFunction,
  pairwise,
  startWith,
  takeUntil,
} from 'rxjs';

/** What {@link mergeKeys} tells. */
export type KeyEvent<K, T> =
  /** The keys there are now; told before anything of a key that is new. */
  | { readonly type: 'keys'; readonly keys: ReadonlySet<K>; readonly gone: readonly K[] }
  /** What the work of one key emitted. */
  | { readonly type: 'value'; readonly key: K; readonly value: T };

/**
 * Runs `project` once for each key of a set that changes, as long as the key is in it, and merges what they emit.
 *
 * ```text
 *  sets        --{a}-----{a,b}----{b}--
 *  project(a)    ---1-----2---!
 *  project(b)            --1---------2
 * ```
 *
 * What `switchMap` is for one thing at a time, for many. Errors with the first of them, completes with the last.
 */
export function mergeKeys<K, T>(project: (key: K) => Observable<T>): OperatorFunction<ReadonlySet<K>, KeyEvent<K, T>> {
  return (source) =>
    source.pipe(
      startWith(new Set<K>()),
      pairwise(),
      connect((changes) =>
        changes.pipe(
          mergeMap(([before, keys]) => {
            const gone = [...before].filter((key) => !keys.has(key));
            const added = [...keys].filter((key) => !before.has(key));
            const left = (key: K): Observable<unknown> => changes.pipe(filter(([, now]) => !now.has(key)));
            return concat(
              of<KeyEvent<K, T>>({ type: 'keys', keys, gone }),
              merge(
                ...added.map((key) =>
                  project(key).pipe(
                    map((value): KeyEvent<K, T> => ({ type: 'value', key, value })),
                    takeUntil(left(key)),
                  ),
                ),
              ),
            );
          }),
        ),
      ),
    );
}
