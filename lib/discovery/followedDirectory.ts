import { concat, defer, EMPTY, ignoreElements, type Observable, Subject, takeWhile } from 'rxjs';
import type { DirectoryChange } from '../port/index.js';
import { type DirectoryBatch, DirectoryContents, type DirectoryReader } from './directoryContents.js';

/** Who is told of a directory. */
export interface DirectoryFollower<T> {
  /** Takes what changed. */
  readonly next: (path: string, batch: DirectoryBatch<T>) => void;
  /** Takes that the directory could not be read, and never was. */
  readonly refused: (path: string, error: unknown) => void;
}

/** A directory, and everybody who follows it. */
export class FollowedDirectory<T> {
  readonly path: string;
  /** Whether it counts children that have no node of their own, see `DirectoryOptions`. */
  readonly implied: boolean;
  readonly #contents: DirectoryContents<T>;
  readonly #followers = new Set<DirectoryFollower<T>>();
  /** The changes that wait for the end of a large one, while there is one. */
  #waiting: DirectoryChange[] | undefined;
  #isPartial = false;
  #refusal: { readonly error: unknown } | undefined;
  #stopped: Subject<void> | undefined;

  constructor(path: string, reader: DirectoryReader<T>, implied: boolean) {
    this.path = path;
    this.implied = implied;
    this.#contents = new DirectoryContents(path, reader);
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0;
  }

  /** Whether its contents are known, were it only in part. */
  get isKnown(): boolean {
    return this.#contents.isKnown;
  }

  /** Whether it could not be read so far. */
  get isRefused(): boolean {
    return this.#refusal !== undefined && !this.isKnown;
  }

  /** Everything that can be read, by name: live, not a copy. */
  get present(): ReadonlyMap<string, T> {
    return this.#contents.present;
  }

  /** Emits when its own watch has to end, see {@link stop}. */
  get stopped(): Observable<void> {
    return (this.#stopped ??= new Subject());
  }

  /** Ends the watch that it has for itself after a failure, if there is one. */
  stop(): void {
    this.#refusal = undefined;
    this.#stopped?.next();
  }

  /** Adds a follower, who is told everything at once where that is known. */
  join(follower: DirectoryFollower<T>): void {
    this.#followers.add(follower);
    if (!this.isKnown) return;
    const { present } = this;
    follower.next(this.path, { present, added: [...present], removed: [], more: this.#isPartial });
  }

  leave(follower: DirectoryFollower<T>): void {
    this.#followers.delete(follower);
    if (!this.isFollowed) this.stop();
  }

  /** Applies a change and tells the followers; completes when that is done. A change that comes meanwhile waits. */
  apply(change: DirectoryChange): Observable<never> {
    if (this.#waiting) {
      this.#waiting.push(change);
      return EMPTY;
    }
    const waiting: DirectoryChange[] = (this.#waiting = [change]);
    const applyNext: Observable<never> = defer(() => {
      const next = waiting.shift();
      if (next) return concat(this.#applyNow(next), applyNext);
      this.#waiting = undefined;
      return EMPTY;
    });
    return applyNext;
  }

  /** Tells those who wait for the first contents that they could not be read. */
  refuse(error: unknown): void {
    if (this.isKnown) return;
    this.#refusal = { error };
    this.#forEach((follower) => follower.refused(this.path, error));
  }

  #applyNow(change: DirectoryChange): Observable<never> {
    return this.#contents.apply(change).pipe(
      // Nobody needs the rest of a large change once everybody has left.
      takeWhile((batch) => this.#tell(batch)),
      ignoreElements(),
    );
  }

  /** Returns whether anybody follows it still. */
  #tell(batch: DirectoryBatch<T>): boolean {
    this.#isPartial = batch.more;
    this.#forEach((follower) => follower.next(this.path, batch));
    return this.isFollowed;
  }

  /** Calls those who follow it now, but not those who come or have left meanwhile. */
  #forEach(tell: (follower: DirectoryFollower<T>) => void): void {
    for (const follower of [...this.#followers]) if (this.#followers.has(follower)) tell(follower);
  }
}
