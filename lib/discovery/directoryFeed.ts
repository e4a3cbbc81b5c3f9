import { asyncScheduler, concatMap, defer, filter, map, type Observable, type SchedulerLike, tap } from 'rxjs';
import { type BackoffOptions, isFatalError, retryWithBackoff, whileConnected } from '../connection/index.js';
import { inSlices } from '../internal/inSlices.js';
import { childOf } from '../internal/path.js';
import type { ConnectionState, DirectoryChange } from '../port/index.js';

/** What a directory says: what changed, and all there is. */
export interface DirectoryBatch<T> {
  /** Everything that could be read, by name, as it is now: live, not a copy. */
  readonly present: ReadonlyMap<string, T>;
  readonly added: readonly (readonly [name: string, value: T])[];
  readonly removed: readonly (readonly [name: string, value: T])[];
  /** Whether the rest of what came and went together follows: until then nobody should take this for all of it. */
  readonly more: boolean;
}

/** How a {@link directoryFeed} reads a directory. */
export interface DirectoryFeedOptions<T> {
  /** Makes of a child's name what it says; throws if it cannot be read. */
  readonly read: (name: string) => T;
  /** Whether a child counts that has no node of its own, see `DirectoryOptions`. @defaultValue `false` */
  readonly implied?: boolean;
  /** Told once of each child that cannot be read. */
  readonly onUnreadable: (path: string, error: unknown) => void;
  /** Told when a directory that was read may not be read any more; it is tried again. */
  readonly onRefused?: (path: string, error: unknown) => void;
  /** Told when the server does not tell of some children, because we may not read them. */
  readonly onWithheld?: (path: string) => void;
  /** Told when the names together pass {@link largeAtBytes}. */
  readonly onLarge?: (path: string, bytes: number) => void;
  readonly largeAtBytes?: number;
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
}

/**
 * Follows one directory through every reconnect: a first batch with everything, then what changes.
 *
 * ```text
 *  connection     --c-----------s---c-------    c: connected, s: suspended
 *  watch            S--d--d!        S--d        S: snapshot, d: delta
 *  directoryFeed  --B--b--b---------b--b----    B: all, b: the difference
 * ```
 *
 * Cold: each subscription is a watch of its own. What vanished while the connection was away is in the difference of the snapshot after it; an outage itself
 * says nothing. What takes longer than the event loop should stand still is told in parts, see {@link DirectoryBatch.more};
 * what follows it waits. Errors with what can never succeed (`NOT_AUTHORIZED`), as long as nothing was ever read.
 */
export function directoryFeed<T>(
  path: string,
  connection: Observable<ConnectionState>,
  options: DirectoryFeedOptions<T>,
): Observable<DirectoryBatch<T>> {
  const { retry, scheduler = asyncScheduler, onRefused, implied = false } = options;
  return defer(() => {
    const directory = new Directory(path, options);
    return connection.pipe(
      whileConnected((session) =>
        session.watchDirectory(path, { implied }).pipe(
          retryWithBackoff({
            ...retry,
            scheduler,
            isFatal: (error) => isFatalError(error) && !directory.seen,
            onRetry: (error) => {
              if (isFatalError(error)) onRefused?.(path, error);
            },
          }),
        ),
      ),
      concatMap((change) => directory.take(change, scheduler)),
    );
  });
}

class Directory<T> {
  /** Whether there was a first batch. */
  seen = false;
  readonly #path: string;
  readonly #options: DirectoryFeedOptions<T>;
  readonly #present = new Map<string, T>();
  readonly #unreadable = new Set<string>();
  #large = false;

  constructor(path: string, options: DirectoryFeedOptions<T>) {
    this.#path = path;
    this.#options = options;
  }

  /** Takes a change in, a large one slice by slice; tells nothing if it changes nothing that can be told. */
  take(change: DirectoryChange, scheduler: SchedulerLike): Observable<DirectoryBatch<T>> {
    const { added, removed } = change.type === 'delta' ? change : this.#difference(change.names);
    if (change.type === 'snapshot') {
      this.#weigh(change.names);
      if (change.withheld) this.#options.onWithheld?.(this.#path);
    }
    const steps = [...removed.map((name) => ({ name, comes: false })), ...added.map((name) => ({ name, comes: true }))];
    return inSlices(steps, scheduler).pipe(
      map(({ items, more }) => ({
        present: this.#present,
        removed: items.flatMap(({ name, comes }) => (comes ? [] : this.#forget(name))),
        added: items.flatMap(({ name, comes }) => (comes ? this.#learn(name) : [])),
        more,
      })),
      filter((batch, index) => {
        const isPart = batch.more || index > 0;
        return isPart || !this.seen || batch.added.length + batch.removed.length > 0;
      }),
      tap(() => (this.seen = true)),
    );
  }

  #difference(names: readonly string[]): { added: string[]; removed: string[] } {
    const now = new Set(names);
    const before = [...this.#present.keys(), ...this.#unreadable];
    return {
      added: [...now].filter((name) => !this.#present.has(name) && !this.#unreadable.has(name)),
      removed: before.filter((name) => !now.has(name)),
    };
  }

  #learn(name: string): [name: string, value: T][] {
    if (this.#present.has(name) || this.#unreadable.has(name)) return [];
    try {
      const value = this.#options.read(name);
      this.#present.set(name, value);
      return [[name, value]];
    } catch (error) {
      this.#unreadable.add(name);
      this.#options.onUnreadable(childOf(this.#path, name), error);
      return [];
    }
  }

  #forget(name: string): [name: string, value: T][] {
    this.#unreadable.delete(name);
    const value = this.#present.get(name);
    return this.#present.delete(name) ? [[name, value as T]] : [];
  }

  #weigh(names: readonly string[]): void {
    const { onLarge, largeAtBytes = Infinity } = this.#options;
    // Node names are ASCII but for garbage, and each carries its length in four bytes.
    const bytes = names.reduce((sum, name) => sum + name.length + 4, 0);
    const large = bytes > largeAtBytes;
    if (large && !this.#large) onLarge?.(this.#path, bytes);
    this.#large = large;
  }
}
