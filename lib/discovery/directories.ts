import {
  concatMap,
  defer,
  EMPTY,
  from,
  map,
  merge,
  mergeMap,
  Observable,
  of,
  type SchedulerLike,
  share,
  Subject,
  takeUntil,
  throwError,
} from 'rxjs';
import { type BackoffOptions, isFatalError, retryWithBackoff, whileConnected } from '../connection/index.js';
import { inSlices } from '../internal/inSlices.js';
import type { ConnectionState, DirectoryChange, DirectorySetChange, Session } from '../port/index.js';
import type { DirectoryBatch, DirectoryReader } from './directoryContents.js';
import { type DirectoryFollower, FollowedDirectory } from './followedDirectory.js';

/** What to follow, and what to follow no longer. */
export interface PathsChange {
  readonly added: readonly string[];
  readonly gone: readonly string[];
  /** Whether more of the same change follows. */
  readonly more: boolean;
}

/** What a follower of several directories is told. */
export type DirectoriesEvent<T> =
  /** What became of the set of directories, before anything of those that were added. */
  | {
      readonly type: 'paths';
      readonly added: readonly string[];
      /** The directories that are followed no longer, with all that they had. */
      readonly gone: readonly (readonly [path: string, values: readonly T[]])[];
      readonly more: boolean;
    }
  | { readonly type: 'batch'; readonly path: string; readonly batch: DirectoryBatch<T> }
  /** A directory that was never read cannot be read; it is tried again. */
  | { readonly type: 'refused'; readonly path: string; readonly error: unknown };

/** What is read of the directories, and how. */
export interface DirectoriesReader<T> extends DirectoryReader<T> {
  /** Whether children count that have no node of their own, see `DirectoryOptions`. @defaultValue `false` */
  readonly implied?: boolean;
}

/** How {@link Directories} are watched. */
export interface DirectoriesOptions {
  /** Called when a directory may not be read; it is tried again. */
  readonly onRefused: (path: string, error: unknown) => void;
  readonly retry?: BackoffOptions;
  readonly scheduler: SchedulerLike;
}

interface PathChange {
  readonly path: string;
  readonly change: DirectoryChange;
}

/**
 * Every directory that anybody follows, in one chain through every reconnect.
 *
 * ```text
 *  connection   --c--------------s---c-----    c: connected, s: suspended
 *  wanted       +a----+b---------------------
 *  watch          (a:S)-b:S--a:d!     (a:S b:S)  S: snapshot, d: delta
 *  follow()     --(a:B)-b:B--a:b------(a:b)---  B: everything, b: the difference
 * ```
 */
export class Directories {
  readonly #options: DirectoriesOptions;
  readonly #followed = new Map<string, FollowedDirectory<unknown>>();
  readonly #changes = new Subject<DirectorySetChange>();
  /** Watches what is followed while anybody subscribes; it emits nothing, the directories tell their followers. */
  readonly #watching: Observable<never>;

  constructor(connection: Observable<ConnectionState>, options: DirectoriesOptions) {
    this.#options = options;
    this.#watching = connection.pipe(
      whileConnected((session) => this.#watch(session)),
      mergeMap(({ path, change }) => this.#followed.get(path)?.apply(change) ?? EMPTY),
      share(),
    );
  }

  /**
   * Follows a set of directories that changes: all that is known of each at once, and then what changes.
   *
   * Cold. Directories are shared: each is watched once, for as long as anybody follows it. Errors and completes with the
   * connection.
   */
  follow<T>(paths: Observable<PathsChange>, reader: DirectoriesReader<T>): Observable<DirectoriesEvent<T>> {
    const { scheduler } = this.#options;
    const events = new Observable<DirectoriesEvent<T>>((subscriber) => {
      const joined = new Set<FollowedDirectory<T>>();
      const follower: DirectoryFollower<T> = {
        next: (path, batch) => subscriber.next({ type: 'batch', path, batch }),
        refused: (path, error) => subscriber.next({ type: 'refused', path, error }),
      };
      subscriber.add(() => {
        const left = [...joined].filter((directory) => this.#leave(directory, follower));
        // Where nothing is left, all watches end with the last subscription.
        if (this.#followed.size > 0) this.#changes.next({ remove: left.map(({ path }) => path) });
      });
      subscriber.add(
        paths.subscribe({
          next: (change) => {
            const gone: [path: string, values: T[]][] = [];
            const remove: string[] = [];
            const add: string[] = [];
            for (const path of change.gone) {
              const directory = this.#at<T>(path);
              if (!directory || !joined.delete(directory)) continue;
              gone.push([path, [...directory.present.values()]]);
              if (this.#leave(directory, follower)) remove.push(path);
            }
            subscriber.next({ ...change, type: 'paths', gone });
            for (const path of change.added) {
              // Whoever was told may have left by now.
              if (subscriber.closed) break;
              if (this.#join(path, reader, follower, joined)) add.push(path);
            }
            const { implied = false } = reader;
            this.#changes.next({ add: add.filter((path) => this.#followed.has(path)), remove, implied });
          },
          error: (error: unknown) => subscriber.error(error),
        }),
      );
      subscriber.add(
        this.#watching.subscribe({
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
    });
    return events.pipe(concatMap((event) => (event.type === 'batch' ? slicesOf(event, scheduler) : of(event))));
  }

  /** Follows one more directory; returns whether it has to be watched for that. */
  #join<T>(
    path: string,
    reader: DirectoriesReader<T>,
    follower: DirectoryFollower<T>,
    joined: Set<FollowedDirectory<T>>,
  ): boolean {
    const known = this.#at<T>(path);
    const directory = known ?? new FollowedDirectory<T>(path, reader, reader.implied ?? false);
    // Whoever could not read it may be able to by now.
    const isNew = !known || known.isRefused;
    if (isNew) directory.stop();
    if (!known) this.#followed.set(path, directory as FollowedDirectory<unknown>);
    joined.add(directory);
    directory.join(follower);
    return isNew;
  }

  /** Returns whether it was the last follower. */
  #leave<T>(directory: FollowedDirectory<T>, follower: DirectoryFollower<T>): boolean {
    directory.leave(follower);
    return !directory.isFollowed && this.#followed.delete(directory.path);
  }

  /** Nobody follows one path with two readers. */
  #at<T>(path: string): FollowedDirectory<T> | undefined {
    return this.#followed.get(path) as FollowedDirectory<T> | undefined;
  }

  #watch(session: Session): Observable<PathChange> {
    const { retry, scheduler } = this.#options;
    // The changes first: whoever is told of the first directories may ask for more.
    return defer(() =>
      session.watchDirectories(
        merge(
          this.#changes,
          defer(() => from(this.#everything())),
        ),
      ),
    ).pipe(
      mergeMap((event) => ('change' in event ? of(event) : this.#watchAgain(session, event.path, event.error))),
      retryWithBackoff({ ...retry, scheduler }),
    );
  }

  #everything(): DirectorySetChange[] {
    const all = [...this.#followed.values()];
    return [true, false].map((implied) => ({
      add: all.filter((directory) => directory.implied === implied).map(({ path }) => path),
      implied,
    }));
  }

  /** Watches a directory whose watch has failed by itself from then on. */
  #watchAgain(session: Session, path: string, error: unknown): Observable<PathChange> {
    const { retry, scheduler, onRefused } = this.#options;
    const directory = this.#followed.get(path);
    if (!directory) return EMPTY;
    let hasFailed = false;
    return defer(() => {
      if (hasFailed) return session.watchDirectory(path, { implied: directory.implied });
      hasFailed = true;
      return throwError(() => error);
    }).pipe(
      retryWithBackoff({
        ...retry,
        scheduler,
        isFatal: () => false,
        onRetry: (cause) => {
          if (!isFatalError(cause)) return;
          directory.refuse(cause);
          // A follower of nothing else has ended with the error.
          if (directory.isFollowed) onRefused(path, cause);
        },
      }),
      map((change) => ({ path, change })),
      takeUntil(directory.stopped),
    );
  }
}

/** Cuts everything that a follower is told at first into slices. */
function slicesOf<T>(
  event: DirectoriesEvent<T> & { type: 'batch' },
  scheduler: SchedulerLike,
): Observable<DirectoriesEvent<T>> {
  const { path, batch } = event;
  const { present, added, removed } = batch;
  if (removed.length > 0) return of(event);
  return inSlices(added, scheduler).pipe(
    map(({ items, more }) => ({
      type: 'batch',
      path,
      batch: { present, added: items, removed, more: batch.more || more },
    })),
  );
}
