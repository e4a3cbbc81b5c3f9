import { Observable, type OperatorFunction, Subscription } from 'rxjs';

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
    new Observable((subscriber) => {
      const running = new Map<K, Subscription>();
      let sourceDone = false;
      const completeIfDone = (): void => {
        if (sourceDone && running.size === 0) subscriber.complete();
      };
      subscriber.add(() => running.forEach((subscription) => subscription.unsubscribe()));
      subscriber.add(
        source.subscribe({
          next: (keys) => {
            const gone = [...running.keys()].filter((key) => !keys.has(key));
            for (const key of gone) {
              running.get(key)?.unsubscribe();
              running.delete(key);
            }
            subscriber.next({ type: 'keys', keys, gone });
            for (const key of keys) {
              if (running.has(key)) continue;
              const subscription = new Subscription();
              running.set(key, subscription);
              subscription.add(
                project(key).subscribe({
                  next: (value) => subscriber.next({ type: 'value', key, value }),
                  error: (error: unknown) => subscriber.error(error),
                  complete: () => {
                    running.delete(key);
                    completeIfDone();
                  },
                }),
              );
            }
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            sourceDone = true;
            completeIfDone();
          },
        }),
      );
    });
}
