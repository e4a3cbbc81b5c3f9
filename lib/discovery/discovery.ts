import {
  concatMap,
  defer,
  filter,
  finalize,
  from,
  map,
  merge,
  type Observable,
  of,
  ReplaySubject,
  share,
  Subject,
} from 'rxjs';
import { retryWithBackoff } from '../connection/index.js';
import {
  categoriesOf,
  categoryPath,
  fromNodeName,
  interfaceOfDirectory,
  matcher,
  type ServiceUrl,
} from '../dubbo/index.js';
import type { InstanceSet, ServiceEvent } from '../instances/index.js';
import { childOf } from '../internal/path.js';
import { type KeyChange, type KeyEvent, mergeKeys } from '../internal/mergeKeys.js';
import type { ConnectionState } from '../port/index.js';
import { type DirectoryBatch, directoryFeed, type DirectoryFeedOptions } from './directoryFeed.js';
import { InstanceTable, type ServiceNode } from './instanceTable.js';

/** How a {@link Discovery} reads the registry. */
export interface DiscoveryOptions extends Omit<DirectoryFeedOptions<never>, 'read'> {
  /** Told when one of several directories may not be read. */
  readonly onRefused: (path: string, error: unknown) => void;
}

interface QueryBatch {
  readonly events: readonly ServiceEvent[];
  /** Up to date whenever it is looked at. */
  readonly table: InstanceTable;
}

/** Answers queries: one watch for each directory and one table for each query, however many subscribe to it. */
export class Discovery {
  readonly #root: string;
  readonly #connection: Observable<ConnectionState>;
  readonly #options: DiscoveryOptions;
  readonly #roots = new Map<string, Observable<DirectoryBatch<string>>>();
  readonly #directories = new Map<string, Observable<DirectoryBatch<ServiceUrl>>>();
  readonly #queries = new Map<string, Observable<QueryBatch>>();

  constructor(root: string, connection: Observable<ConnectionState>, options: DiscoveryOptions) {
    this.#root = root;
    this.#connection = connection;
    this.#options = options;
  }

  /** Who is there, as events; see `Registry.subscribe`. */
  events(query: ServiceUrl): Observable<ServiceEvent> {
    return this.#query(query).pipe(
      concatMap(({ events, table }, index) => from(index === 0 ? table.additions() : events)),
    );
  }

  /** Who is there, as sets; see `Registry.instances`. */
  sets(query: ServiceUrl): Observable<InstanceSet> {
    return this.#query(query).pipe(map(({ table }) => table.toSet()));
  }

  #query(query: ServiceUrl): Observable<QueryBatch> {
    return kept(this.#queries, keyOf(query), () => this.#follow(query));
  }

  #follow(query: ServiceUrl): Observable<QueryBatch> {
    return defer(() => {
      const table = new InstanceTable();
      const wanted = matcher(query);
      const isAlone = query.interface !== '*' && categoriesOf(query).length === 1;
      const presentIn = new Map<string, ReadonlyMap<string, ServiceUrl>>();
      const awaited = new Set<string>();
      let ready = false;

      const nodesOf = (path: string, nodes: Iterable<readonly [string, ServiceUrl]>): ServiceNode[] =>
        [...nodes].filter(([, url]) => wanted(url)).map(([name, url]) => [childOf(path, name), url]);

      const take = (event: KeyEvent<string, DirectoryBatch<ServiceUrl>>): readonly ServiceEvent[] => {
        if (event.type === 'keys') {
          for (const path of event.added) awaited.add(path);
          for (const path of event.gone) awaited.delete(path);
          return event.gone.flatMap((path) => {
            const removed = nodesOf(path, presentIn.get(path) ?? []);
            presentIn.delete(path);
            return table.apply([], removed);
          });
        }
        const { key: path, value: batch } = event;
        presentIn.set(path, batch.present);
        awaited.delete(path);
        return table.apply(nodesOf(path, batch.added), nodesOf(path, batch.removed));
      };

      return this.#directoriesOf(query).pipe(
        mergeKeys((path) => (isAlone ? this.#directory(path) : this.#directoryIfPermitted(path))),
        map((event): QueryBatch | undefined => {
          const events = take(event);
          if (ready) return events.length > 0 ? { events, table } : undefined;
          // The first set must be complete: nobody may take a part of it for all there is.
          ready = awaited.size === 0;
          return ready ? { events, table } : undefined;
        }),
        filter((batch) => batch !== undefined),
      );
    });
  }

  #directoriesOf(query: ServiceUrl): Observable<KeyChange<string>> {
    const categories = categoriesOf(query);
    if (query.interface !== '*') {
      return of({ added: categories.map((each) => categoryPath(this.#root, query.interface, each)), gone: [] });
    }
    // The names as they are there, not encoded anew: a peer may have written them differently.
    const pathsOf = (services: DirectoryBatch<string>['added']): string[] =>
      services.flatMap(([name]) => categories.map((category) => childOf(childOf(this.#root, name), category)));
    return this.#services().pipe(map(({ added, removed }) => ({ added: pathsOf(added), gone: pathsOf(removed) })));
  }

  #services(): Observable<DirectoryBatch<string>> {
    return kept(this.#roots, this.#root, () =>
      directoryFeed(this.#root, this.#connection, { ...this.#options, read: interfaceOfDirectory }),
    ).pipe(map(wholeAtFirst));
  }

  /** A directory whose first batch has everything, also for one who comes late. */
  #directory(path: string): Observable<DirectoryBatch<ServiceUrl>> {
    return kept(this.#directories, path, () =>
      directoryFeed(path, this.#connection, { ...this.#options, read: fromNodeName }),
    ).pipe(map(wholeAtFirst));
  }

  /** One directory among others: as long as it may not be read, it is empty. */
  #directoryIfPermitted(path: string): Observable<DirectoryBatch<ServiceUrl>> {
    const { retry, scheduler, onRefused } = this.#options;
    return defer(() => {
      const refusals = new Subject<DirectoryBatch<ServiceUrl>>();
      const directory = this.#directory(path).pipe(
        retryWithBackoff({
          ...retry,
          ...(scheduler && { scheduler }),
          isFatal: () => false,
          onRetry: (error) => {
            onRefused(path, error);
            refusals.next({ present: new Map(), added: [], removed: [] });
          },
        }),
      );
      return merge(refusals, directory);
    });
  }
}

/** For one who comes late and was told nothing of what was there before. */
function wholeAtFirst<T>(batch: DirectoryBatch<T>, index: number): DirectoryBatch<T> {
  return index === 0 ? { ...batch, added: [...batch.present], removed: [] } : batch;
}

/** Tells queries apart by all they say: as texts, two that differ can be the same. */
function keyOf({ protocol, host, port, path, parameters }: ServiceUrl): string {
  return JSON.stringify([protocol, host, port, path, ...parameters]);
}

/** The stream for a key: shared, the last value replayed, as long as anyone subscribes, and forgotten after. */
function kept<T>(all: Map<string, Observable<T>>, key: string, make: () => Observable<T>): Observable<T> {
  return defer(() => {
    const present = all.get(key);
    if (present) return present;
    const made: Observable<T> = make().pipe(
      finalize(() => {
        // One who came back while this one ended may have made another.
        if (all.get(key) === made) all.delete(key);
      }),
      share({ connector: () => new ReplaySubject<T>(1) }),
    );
    all.set(key, made);
    return made;
  });
}
