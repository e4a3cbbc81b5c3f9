import { concat, EMPTY, type Observable, type Subscriber, Subscription } from 'rxjs';
import { checkPath, parentOf } from '../../internal/path.js';
import type { DirectoryChange, DirectoryEvent, DirectorySetChange } from '../../port/index.js';
import type { DirectoryStream } from './directoryStream.js';
import {
  applyEvents,
  type Children,
  listDirectory,
  type RangeEvent,
  type RangeReader,
  watchRange,
} from './directoryWatch.js';
import { readAnew } from './errors.js';
import { below, type KeyRange } from './keys.js';
import type { PageSize } from './pageSize.js';
import { Progress } from './progress.js';
import type { KeyEvent } from './watchStream.js';

/** How {@link DirectoryWatches} are set. */
export interface DirectoryWatchesOptions {
  readonly client: RangeReader;
  /** Carries all the watches. */
  readonly stream: Pick<DirectoryStream, 'watch'>;
  readonly pageSize: PageSize;
  /** The key of a path. */
  readonly fullPath: (path: string) => string;
}

/** A directory that is watched. */
interface Directory {
  /** As it was asked for. */
  readonly path: string;
  /** As its key begins. */
  readonly full: string;
  readonly implied: boolean;
  /** What covers it: a watch on this directory, or on one above. */
  cover: RangeWatch;
  /** What was told of it; `undefined` as long as nothing was. */
  children: Children | undefined;
  /** Up to which revision that is so. */
  revision: bigint;
  /** What happens while it is listed. */
  pending: KeyEvent[] | undefined;
  listing: Subscription | undefined;
  /** Completes those who wait for it to be told first. */
  told: Progress | undefined;
}

/** A watch on the server. */
interface RangeWatch {
  /** The directory that it is set on. */
  readonly full: string;
  /** The directories that it covers. */
  readonly directories: Set<Directory>;
  /** How far it has got. */
  readonly progress: Progress;
  revision: bigint;
  isSet: boolean;
  running: Subscription | undefined;
}

/**
 * The watches on a set of directories.
 *
 * A watch on a directory is one on all keys below it, so a directory below one that is watched already needs no watch of its own: it is
 * listed, and told from the events of the upper one. When that one ends, what it covered goes on from the revision that was reached.
 */
export class DirectoryWatches {
  readonly #options: DirectoryWatchesOptions;
  readonly #subscriber: Subscriber<DirectoryEvent>;
  readonly #directories = new Map<string, Directory>();
  readonly #onServer = new Map<string, RangeWatch>();

  constructor(options: DirectoryWatchesOptions, subscriber: Subscriber<DirectoryEvent>) {
    this.#options = options;
    this.#subscriber = subscriber;
  }

  /** Changes the set. */
  change({ add = [], remove = [], implied = false }: DirectorySetChange): void {
    this.#remove(remove.flatMap((path) => this.#directories.get(this.#options.fullPath(path)) ?? []));
    for (const path of add) this.#add(path, implied);
  }

  /** Completes when everything up to a revision was told of a directory, if it is watched. */
  reached(full: string, revision: bigint): Observable<never> {
    const directory = this.#directories.get(full);
    if (!directory) return EMPTY;
    const { children, cover } = directory;
    const told = children ? EMPTY : (directory.told ??= new Progress()).reached(1n);
    return concat(told, cover.progress.reached(revision));
  }

  /** Releases all watches. */
  end(): void {
    for (const directory of this.#directories.values()) stop(directory);
    for (const watch of this.#onServer.values()) stopWatch(watch);
    this.#directories.clear();
    this.#onServer.clear();
  }

  #add(path: string, implied: boolean): void {
    try {
      checkPath(path);
    } catch (error) {
      return this.#subscriber.next({ path, error });
    }
    const full = this.#options.fullPath(path);
    if (this.#directories.has(full)) return;
    const known = this.#coverOf(full);
    const cover = known ?? newWatch(full);
    const directory: Directory = {
      ...{ path, full, implied, cover, children: undefined, revision: 0n },
      ...{ pending: undefined, listing: undefined, told: undefined },
    };
    cover.directories.add(directory);
    this.#directories.set(full, directory);
    if (!known) {
      this.#onServer.set(full, cover);
      this.#open(cover, directory);
    } else if (cover.isSet) this.#list(directory);
  }

  #remove(directories: readonly Directory[]): void {
    const ended = new Set<RangeWatch>();
    for (const directory of directories) {
      if (!this.#directories.delete(directory.full)) continue;
      stop(directory);
      directory.cover.directories.delete(directory);
      const own = this.#onServer.get(directory.full);
      if (own) ended.add(own);
    }
    for (const watch of ended) {
      stopWatch(watch);
      this.#onServer.delete(watch.full);
    }
    for (const watch of ended) this.#handOver(watch);
  }

  /** Finds other watches for what one covered: on the uppermost of those directories. */
  #handOver({ directories, revision }: RangeWatch): void {
    const opened: [RangeWatch, Directory][] = [];
    for (const directory of [...directories].sort((one, other) => one.full.length - other.full.length)) {
      if (directory.revision < revision) directory.revision = revision;
      const known = this.#coverOf(directory.full);
      const cover = (directory.cover = known ?? newWatch(directory.full));
      cover.directories.add(directory);
      stopListing(directory);
      if (!known) {
        this.#onServer.set(cover.full, cover);
        opened.push([cover, directory]);
      } else if (cover.isSet) this.#list(directory);
    }
    for (const [watch, directory] of opened) this.#open(watch, directory);
  }

  #coverOf(full: string): RangeWatch | undefined {
    for (let upper = full; ; upper = parentOf(upper)) {
      const watch = this.#onServer.get(upper);
      if (watch || upper === '/') return watch;
    }
  }

  #open(watch: RangeWatch, directory: Directory): void {
    const { client, stream, pageSize } = this.#options;
    const positions = [...watch.directories].filter(({ children }) => children).map(({ revision }) => revision);
    const known = directory.children && positions.reduce((least, each) => (each < least ? each : least));
    if (known !== undefined) {
      watch.revision = known;
      watch.progress.reach(known);
    }
    const running = (watch.running = new Subscription());
    running.add(
      watchRange(client, rangeOf(directory), {
        pageSize,
        watch: (request) => stream.watch(request),
        known,
      }).subscribe({
        next: (event) => this.#take(watch, directory, event),
        error: (error: unknown) => this.#fail(directory, error),
      }),
    );
  }

  #take(watch: RangeWatch, directory: Directory, event: RangeEvent): void {
    if (event.type === 'events') return this.#tell(watch, event.events);
    watch.isSet = true;
    const covered = [...watch.directories];
    if (event.type === 'listed') {
      watch.revision = event.revision;
      this.#begin(directory, event.children, event.revision);
      watch.progress.reach(event.revision);
    }
    for (const each of covered) {
      const isListed = event.type === 'listed' ? each === directory : each.children !== undefined;
      if (!isListed && each.cover === watch && this.#has(each)) this.#list(each);
    }
  }

  /** Lists a directory whose cover is set: what happens from then on is told. */
  #list(directory: Directory): void {
    stopListing(directory);
    const { client, pageSize } = this.#options;
    const range = rangeOf(directory);
    const pending: KeyEvent[] = (directory.pending = []);
    directory.children = undefined;
    const listing = (directory.listing = new Subscription());
    listing.add(
      listDirectory(client, range, pageSize)
        .pipe(readAnew())
        .subscribe({
          next: ({ children, revision }) => {
            const later = pending.filter(({ state }) => state.revision > revision);
            applyEvents(children, range, later);
            this.#begin(directory, children, later.at(-1)?.state.revision ?? revision);
          },
          error: (error: unknown) => this.#fail(directory, error),
        }),
    );
  }

  /** Tells all that a directory holds. */
  #begin(directory: Directory, children: Children, revision: bigint): void {
    directory.pending = undefined;
    directory.children = children;
    directory.revision = revision;
    this.#emit(directory, { type: 'snapshot', names: [...children.keys()] });
    directory.told?.end();
    directory.told = undefined;
  }

  #tell(watch: RangeWatch, events: readonly KeyEvent[]): void {
    const revision = events.at(-1)!.state.revision;
    // All of it is applied before anybody is told, who may change the set.
    const changed: [Directory, DirectoryChange][] = [];
    for (const [directory, own] of this.#byDirectory(watch, events)) {
      if (directory.pending) directory.pending.push(...own);
      if (directory.pending || !directory.children) continue;
      // Each is counted once, also where a server tells it twice.
      const fresh = own.filter(({ state }) => state.revision > directory.revision);
      if (fresh.length === 0) continue;
      directory.revision = fresh.at(-1)!.state.revision;
      const change = applyEvents(directory.children, rangeOf(directory), fresh);
      if (change) changed.push([directory, change]);
    }
    if (revision > watch.revision) watch.revision = revision;
    for (const [directory, change] of changed) this.#emit(directory, change);
    watch.progress.reach(watch.revision);
  }

  /** The events that each directory is concerned by: those of its children, and where implied ones count, all below them. */
  #byDirectory(watch: RangeWatch, events: readonly KeyEvent[]): Map<Directory, KeyEvent[]> {
    const concerned = new Map<Directory, KeyEvent[]>();
    for (const event of events) {
      const parent = parentOf(event.state.key.toString());
      for (let path = parent; path.length >= watch.full.length; path = parentOf(path)) {
        const directory = this.#directories.get(path);
        if (directory?.cover === watch && (directory.implied || path === parent)) {
          const own = concerned.get(directory);
          if (own) own.push(event);
          else concerned.set(directory, [event]);
        }
        if (path === '/') break;
      }
    }
    return concerned;
  }

  #fail(directory: Directory, error: unknown): void {
    if (!this.#has(directory)) return;
    this.#remove([directory]);
    this.#subscriber.next({ path: directory.path, error });
  }

  #emit(directory: Directory, change: DirectoryChange): void {
    if (this.#has(directory)) this.#subscriber.next({ path: directory.path, change });
  }

  #has(directory: Directory): boolean {
    return this.#directories.get(directory.full) === directory;
  }
}

function newWatch(full: string): RangeWatch {
  return {
    ...{ full, directories: new Set<Directory>(), progress: new Progress() },
    ...{ revision: 0n, isSet: false, running: undefined },
  };
}

function rangeOf({ full, implied }: Directory): KeyRange {
  return below(full, implied);
}

function stopListing(directory: Directory): void {
  directory.listing?.unsubscribe();
  directory.listing = directory.pending = undefined;
}

function stop(directory: Directory): void {
  stopListing(directory);
  directory.told?.end();
}

function stopWatch(watch: RangeWatch): void {
  watch.running?.unsubscribe();
  watch.progress.end();
}
