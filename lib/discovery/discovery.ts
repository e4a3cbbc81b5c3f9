import { asyncScheduler, concatMap, defer, filter, map, NEVER, type Observable, of, startWith } from 'rxjs';
import { categoriesOf, categoryPath, fromNodeName, interfaceOfDirectory, type ServiceUrl } from '../dubbo/index.js';
import type { InstanceSet } from '../instances/index.js';
import { type Kept, kept } from '../internal/kept.js';
import { childOf } from '../internal/path.js';
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
    /** Makes of each service that is read what counts. @defaultValue the service itself */
    readonly refine?: (url: ServiceUrl) => ServiceUrl;
  };

/** Answers queries: one chain for all directories and one table for each query, however many subscribe to it. */
export class Discovery {
  readonly #root: string;
  readonly #directories: Directories;
  readonly #services: DirectoriesReader<string>;
  readonly #nodes: DirectoriesReader<ServiceUrl>;
  readonly #queries = new Map<string, Kept<QueryBatch>>();

  constructor(root: string, connection: Observable<ConnectionState>, options: DiscoveryOptions) {
    const reader = { ...options, scheduler: options.scheduler ?? asyncScheduler };
    this.#root = root;
    this.#directories = new Directories(connection, reader);
    this.#services = { ...reader, read: interfaceOfDirectory, implied: true };
    const { refine } = options;
    this.#nodes = { ...reader, read: refine ? (name) => refine(fromNodeName(name)) : fromNodeName };
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
      const view = new QueryView(query, query.interface !== '*' && categoriesOf(query).length === 1);
      return this.#directories.follow(this.#pathsOf(query), this.#nodes).pipe(
        map((event) => view.apply(event)),
        filter((batch) => batch !== undefined),
      );
    });
  }

  /** The directories that a query asks for. */
  #pathsOf(query: ServiceUrl): Observable<PathsChange> {
    const categories = categoriesOf(query);
    if (query.interface !== '*') {
      return of(added(categories.map((category) => categoryPath(this.#root, query.interface, category))));
    }
    // The name as it is there, not encoded anew: a peer may have written it differently.
    const pathsOf = (service: string): string[] =>
      NO_SERVICES.has(service) ? [] : categories.map((category) => childOf(childOf(this.#root, service), category));
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

/** What Dubbo 3 keeps beside the services. */
const NO_SERVICES: ReadonlySet<string> = new Set(['mapping', 'metadata']);

/** Tells queries apart by all they say: as texts, two that differ can be the same. */
function keyOf({ protocol, host, port, path, parameters }: ServiceUrl): string {
  return JSON.stringify([protocol, host, port, path, ...parameters]);
}
