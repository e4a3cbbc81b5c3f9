import {
  asyncScheduler,
  concatMap,
  connect,
  defer,
  endWith,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  startWith,
  takeUntil,
} from 'rxjs';
import type { KeptCopies } from '../cache/index.js';
import { categoriesOf, categoryPath, fromNodeName, interfaceOfDirectory, type ServiceUrl } from '../dubbo/index.js';
import type { InstanceSet, ServiceEvent } from '../instances/index.js';
import { type Kept, kept } from '../internal/kept.js';
import { childOf } from '../internal/path.js';
import { Tally } from '../internal/tally.js';
import type { ConnectionState } from '../port/index.js';
import { Directories, type DirectoriesOptions, type DirectoriesReader, type PathsChange } from './directories.js';
import type { DirectoryReader } from './directoryContents.js';
import { type QueryBatch, QueryView } from './queryView.js';

/** What is known of the answer to a query: what the registry said, what was kept, or nothing yet. */
export type ViewKind = 'known' | 'kept' | 'unknown';

/** How a {@link Discovery} reads the registry. */
export type DiscoveryOptions = Omit<DirectoryReader<never>, 'read' | 'scheduler'> &
  Omit<DirectoriesOptions, 'scheduler'> &
  Partial<Pick<DirectoriesOptions, 'scheduler'>> & {
    /** Counts the queries that are followed, by what is known of their answers. */
    readonly views?: Tally<ViewKind>;
    /** Keeps the answers for a start without the registry. */
    readonly copies?: KeptCopies | undefined;
  };

/** Answers queries: one chain for all directories and one table for each query, however many subscribe to it. */
export class Discovery {
  readonly #root: string;
  readonly #directories: Directories;
  readonly #services: DirectoriesReader<string>;
  readonly #nodes: DirectoriesReader<ServiceUrl>;
  readonly #queries = new Map<string, Kept<QueryBatch>>();
  readonly #views: Tally<ViewKind>;
  readonly #copies: KeptCopies | undefined;

  constructor(root: string, connection: Observable<ConnectionState>, options: DiscoveryOptions) {
    const reader = { ...options, scheduler: options.scheduler ?? asyncScheduler };
    this.#copies = options.copies;
    this.#views = options.views ?? new Tally<ViewKind>(['known', 'kept', 'unknown']);
    this.#root = root;
    this.#directories = new Directories(connection, reader);
    this.#services = { ...reader, read: interfaceOfDirectory, implied: true };
    this.#nodes = { ...reader, read: fromNodeName };
  }

  /** Who is there, as events, with `marks` behind those of the present set; see `Registry.subscribe`. */
  events<M = never>(query: ServiceUrl, marks: readonly M[] = []): Observable<ServiceEvent | M> {
    return defer(() => {
      let isMarked = false;
      return this.#query(query).pipe(
        concatMap(({ events, table, keptMs }, index) => {
          // What was kept is not yet what is present.
          const isComplete = !isMarked && keptMs === undefined;
          isMarked ||= isComplete;
          return from([...(index === 0 ? table.additions() : events), ...(isComplete ? marks : [])]);
        }),
      );
    });
  }

  /** Who is there, as sets; see `Registry.instances`. */
  sets(query: ServiceUrl): Observable<InstanceSet> {
    return this.#query(query).pipe(map(({ table, keptMs }) => table.toSet().withAge(keptMs)));
  }

  #query(query: ServiceUrl): Observable<QueryBatch> {
    return kept(
      this.#queries,
      keyOf(query),
      // A late subscriber looks at the table; the events of a first batch may tell of a hundred thousand nodes.
      () => this.#follow(query),
      (batch) => ({ ...batch, events: [] }),
    );
  }

  #follow(query: ServiceUrl): Observable<QueryBatch> {
    return defer(() => {
      const view = new QueryView(query, query.interface !== '*' && categoriesOf(query).length === 1);
      const answers = this.#directories.follow(this.#pathsOf(query), this.#nodes).pipe(
        map((event) => view.apply(event)),
        filter((batch) => batch !== undefined),
      );
      return this.#withCopies(query, view, answers).pipe(
        this.#views.counted('unknown', ({ keptMs }) => (keptMs === undefined ? 'known' : 'kept')),
      );
    });
  }

  /** Keeps the answers to a query, and tells what was kept where there is none in time. */
  #withCopies(query: ServiceUrl, view: QueryView, answers: Observable<QueryBatch>): Observable<QueryBatch> {
    const copies = this.#copies;
    if (!copies) return answers;
    const name = keyOf(query);
    const kept = copies
      .read(
        name,
        (text) => view.readKept(text),
        () => view.isComplete,
      )
      .pipe(
        map((copy) => view.tellKept(copy)),
        filter((batch) => batch !== undefined),
      );
    return answers.pipe(
      connect((told) =>
        merge(
          copies.keep(
            name,
            // A set does not change, and what it is made of is only looked at when it is written.
            told.pipe(
              map(
                ({ table }) =>
                  () =>
                    table.toSet().toArray(),
              ),
            ),
            (url) => url.toFullString(),
          ),
          kept.pipe(takeUntil(told.pipe(ignoreElements(), endWith(undefined)))),
          told,
        ),
      ),
    );
  }

  /** The directories that a query asks for. */
  #pathsOf(query: ServiceUrl): Observable<PathsChange> {
    const categories = categoriesOf(query);
    if (query.interface !== '*') {
      return of(added(categories.map((category) => categoryPath(this.#root, query.interface, category))));
    }
    // The name as it is there, not encoded anew: a peer may have written it differently.
    const pathsOf = (service: string): string[] =>
      categories.map((category) => childOf(childOf(this.#root, service), category));
    return this.#directories.follow(NEVER.pipe(startWith(added([this.#root]))), this.#services).pipe(
      concatMap((event): PathsChange[] => {
        if (event.type === 'refused') throw event.error as Error;
        if (event.type === 'paths') return [];
        const { added, removed, more } = event.batch;
        return [
          { added: added.flatMap(([name]) => pathsOf(name)), gone: removed.flatMap(([name]) => pathsOf(name)), more },
        ];
      }),
    );
  }
}

function added(paths: readonly string[]): PathsChange {
  return { added: paths, gone: [], more: false };
}

/** Tells queries apart by all they say: as texts, two that differ can be the same. */
function keyOf({ protocol, host, port, path, parameters }: ServiceUrl): string {
  return JSON.stringify([protocol, host, port, path, ...parameters]);
}
