import {
  concat,
  defer,
  filter,
  from,
  map,
  mergeMap,
  type Observable,
  of,
  type OperatorFunction,
  Subject,
  takeUntil,
} from 'rxjs';

/** What became of a set of keys. */
export interface KeyChange<K> {
  readonly added: readonly K[];
  readonly gone: readonly K[];
}

/** What {@link mergeKeys} tells. */
export type KeyEvent<K, T> =
  /** What became of the keys; told before anything of a key that is new. */
  | ({ readonly type: 'keys' } & KeyChange<K>)
  /** What the work of one key emitted. */
  | { readonly type: 'value'; readonly key: K; readonly value: T };

/**
 * Runs `project` once for each key of a set that changes, as long as the key is in it, and merges what they emit.
 *
 * ```text
 *  changes       --+a-----+b------a----
 *  project(a)      ---1-----2---!
 *  project(b)            --1---------2
 * ```
 *
 * What `switchMap` is for one thing at a time, for many. A change costs what changed, however many keys there are. Errors with
 * the first of them, completes with the last.
 */
export function mergeKeys<K, T>(project: (key: K) => Observable<T>): OperatorFunction<KeyChange<K>, KeyEvent<K, T>> {
  return (source) =>
    defer(() => {
      const ends = new Map<K, Subject<void>>();
      const work = (key: K, end: Subject<void>): Observable<KeyEvent<K, T>> =>
        project(key).pipe(
          map((value): KeyEvent<K, T> => ({ type: 'value', key, value })),
          takeUntil(end),
        );
      return source.pipe(
        mergeMap(({ added, gone }) => {
          for (const key of gone) {
            ends.get(key)?.next();
            ends.delete(key);
          }
          const begun = added.map((key) => [key, new Subject<void>()] as const);
          for (const [key, end] of begun) ends.set(key, end);
          return concat(
            of<KeyEvent<K, T>>({ type: 'keys', added, gone }),
            from(begun).pipe(
              // One may be gone again before its turn comes.
              filter(([key, end]) => ends.get(key) === end),
              mergeMap(([key, end]) => work(key, end)),
            ),
          );
        }),
      );
    });
}
