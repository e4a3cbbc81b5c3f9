import {
  asyncScheduler,
  concatMap,
  defer,
  filter,
  from,
  map,
  merge,
  type Observable,
  of,
  type SchedulerLike,
  Subject,
} from 'rxjs';
import { retryWithBackoff } from '../connection/index.js';
import {
  categoriesOf,
  categoryPath,
  fromNodeName,
  interfaceOfDirectory,
  serviceMatcher,
  type ServiceUrl,
  switchFilter,
} from '../dubbo/index.js';
import type { InstanceSet, ServiceEvent } from '../instances/index.js';
import { childOf } from '../internal/path.js';
import { inSlices } from '../internal/inSlices.js';
import { type Kept, kept } from '../internal/kept.js';
import { type KeyChange, type KeyEvent, mergeKeys } from '../internal/mergeKeys.js';
import type { ConnectionState } from '../port/index.js';
import { type DirectoryBatch, directoryFeed, type DirectoryFeedOptions } from './directoryFeed.js';
import { InstanceTable } from './instanceTable.js';

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
  readonly #roots = new Map<string, Kept<DirectoryBatch<string>>>();
  readonly #directories = new Map<string, Kept<DirectoryBatch<ServiceUrl>>>();
  readonly #queries = new Map<string, Kept<QueryBatch>>();

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
    return kept(
      this.#queries,
      keyOf(query),
      // A late subscriber looks at the table; the events of a first batch may tell of a hundred thousand nodes.
      () => this.#follow(query),
      ({ table }) => ({ events: [], table }),
    );
  }

  #follow(query: ServiceUrl): Observable<QueryBatch> {
    return defer(() => {
      const table = new InstanceTable(switchFilter(query));
      const wanted = serviceMatcher(query);
      const isAlone = query.interface !== '*' && categoriesOf(query).length === 1;
      const presentIn = new Map<string, ReadonlyMap<string, ServiceUrl>>();
      const awaited = new Set<string>();
      const unfinished = new Set<string>();
      let ready = false;

      const take = (event: KeyEvent<string, DirectoryBatch<ServiceUrl>>): void => {
        if (event.type === 'keys') {
          for (const path of event.added) awaited.add(path);
          for (const path of event.gone) {
            awaited.delete(path);
            unfinished.delete(path);
            table.take([], [...(presentIn.get(path)?.values() ?? [])].filter(wanted));
            presentIn.delete(path);
          }
          return;
        }
        const { key: path, value: batch } = event;
        presentIn.set(path, batch.present);
        if (batch.more) unfinished.add(path);
        else unfinished.delete(path);
        if (!batch.more) awaited.delete(path);
        table.take(valuesOf(batch.added).filter(wanted), valuesOf(batch.removed).filter(wanted));
      };

      return this.#directoriesOf(query).pipe(
        mergeKeys((path) => (isAlone ? this.#directory(path) : this.#directoryIfPermitted(path))),
        map((event): QueryBatch | undefined => {
          take(event);
          // The first set must be complete, and every later one whole: nobody may take a part for all there is.
          if (unfinished.size > 0 || (!ready && awaited.size > 0)) return undefined;
          const events = table.tell();
          if (ready && events.length === 0) return undefined;
          ready = true;
          return { events, table };
        }),
        filter((batch) => batch !== undefined),
      );
    });
  }

  #directoriesOf(query: ServiceUrl): Observable<KeyChange<string>> {
    const categories = categoriesOf(query);
    if (query.interface !== '*') {
      const added = categories.map((category) => categoryPath(this.#root, query.interface, category));
      return of({ added, gone: [] });
    }
    const directoriesOf = (services: DirectoryBatch<string>['added']): string[] =>
      services.flatMap(([name]) =>
        // The name as it is there, not encoded anew: a peer may have written it differently.
        categories.map((category) => childOf(childOf(this.#root, name), category)),
      );
    return this.#services().pipe(
      map(({ added, removed }) => ({ added: directoriesOf(added), gone: directoriesOf(removed) })),
    );
  }

  #services(): Observable<DirectoryBatch<string>> {
    return kept(
      this.#roots,
      this.#root,
      () =>
        directoryFeed(this.#root, this.#connection, { ...this.#options, read: interfaceOfDirectory, implied: true }),
      presentOf,
    ).pipe(map((batch, index) => (index === 0 ? { ...batch, added: [...batch.present], removed: [] } : batch)));
  }

  /** A directory whose first batch has everything, also for one who comes late. */
  #directory(path: string): Observable<DirectoryBatch<ServiceUrl>> {
    const { scheduler = asyncScheduler } = this.#options;
    return kept(
      this.#directories,
      path,
      () => directoryFeed(path, this.#connection, { ...this.#options, read: fromNodeName }),
      presentOf,
    ).pipe(concatMap((batch, index) => (index === 0 ? allOf(batch, scheduler) : of(batch))));
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
            refusals.next({ present: new Map(), added: [], removed: [], more: false });
          },
        }),
      );
      return merge(refusals, directory);
    });
  }
}

/** Tells queries apart by all they say: as texts, two that differ can be the same. */
function keyOf({ protocol, host, port, path, parameters }: ServiceUrl): string {
  return JSON.stringify([protocol, host, port, path, ...parameters]);
}

/** Everything that is there as one batch, slice by slice: what a subscriber gets first, however late that is. */
function allOf<T>(
  { present, added, more }: DirectoryBatch<T>,
  scheduler: SchedulerLike,
): Observable<DirectoryBatch<T>> {
  // The first slice of a directory that has just been opened is all there is.
  const everything = added.length === present.size ? added : [...present];
  return inSlices(everything, scheduler).pipe(
    map((slice) => ({ present, added: slice.items, removed: [], more: more || slice.more })),
  );
}

/** All that is left of a batch for those who come late: they look at what is present. */
function presentOf<T>({ present, more }: DirectoryBatch<T>): DirectoryBatch<T> {
  return { present, added: [], removed: [], more };
}

function valuesOf<T>(entries: readonly (readonly [name: string, value: T])[]): T[] {
  return entries.map(([, value]) => value);
}
