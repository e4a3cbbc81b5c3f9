import { Observable, Subscription } from 'rxjs';
import type { DirectoryChange, DirectoryOptions } from './session.js';

/**
 * What to add to a set of watched directories, and what to remove from it. Removals are carried out first, so that a path in both
 * lists is watched anew.
 *
 * The options are those of the directories that are added.
 */
export interface DirectorySetChange extends DirectoryOptions {
  /** The paths to watch; those that are watched already stay as they are. @defaultValue none */
  readonly add?: readonly string[];
  /** The paths to watch no longer. @defaultValue none */
  readonly remove?: readonly string[];
}

/** What became of one of several watched directories. */
export type DirectoryEvent =
  | { readonly path: string; readonly change: DirectoryChange }
  /** Its watch has failed, and it is not in the set any more. */
  | { readonly path: string; readonly error: unknown };

/**
 * Watches a set of directories with a watch for each: `Session.watchDirectories` for a backend that has nothing better.
 *
 * @param changes - What to add and to remove.
 * @param watch - As `Session.watchDirectory`.
 */
export function watchEachDirectory(
  changes: Observable<DirectorySetChange>,
  watch: (path: string, options: DirectoryOptions) => Observable<DirectoryChange>,
): Observable<DirectoryEvent> {
  return new Observable((subscriber) => {
    const watches = new Map<string, Subscription>();
    const begin = (path: string, watching: Subscription, options: DirectoryOptions): void => {
      // It may have been removed while others were begun.
      if (watching.closed) return;
      watching.add(
        watch(path, options).subscribe({
          next: (change) => subscriber.next({ path, change }),
          error: (error: unknown) => {
            if (watches.get(path) === watching) watches.delete(path);
            subscriber.next({ path, error });
          },
        }),
      );
    };
    // Not children of the subscriber: to remove one of those takes a search through all of them.
    subscriber.add(() => {
      for (const watching of watches.values()) watching.unsubscribe();
    });
    subscriber.add(
      changes.subscribe({
        next: ({ add = [], remove = [], ...options }) => {
          for (const path of remove) {
            watches.get(path)?.unsubscribe();
            watches.delete(path);
          }
          const begun = new Map<string, Subscription>();
          for (const path of add) if (!watches.has(path)) begun.set(path, new Subscription());
          for (const [path, watching] of begun) watches.set(path, watching);
          for (const [path, watching] of begun) begin(path, watching, options);
        },
        error: (error: unknown) => subscriber.error(error),
      }),
    );
  });
}
