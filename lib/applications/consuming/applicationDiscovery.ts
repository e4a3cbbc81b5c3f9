import { concat, defer, filter, map, NEVER, type Observable, of, scan } from 'rxjs';
import { InstanceTable } from '../../discovery/index.js';
import { categoriesOf, CATEGORIES, isName, serviceMatcher, type ServiceUrl, switchFilter } from '../../dubbo/index.js';
import { InstanceSet } from '../../instances/index.js';
import { childOf } from '../../internal/path.js';
import { type Kept, kept } from '../../internal/kept.js';
import { keyChanges } from '../../internal/keyChanges.js';
import { type KeyChange, type KeyEvent, mergeKeys } from '../../internal/mergeKeys.js';
import type { ConnectionState } from '../../port/index.js';
import type { ApplicationPaths } from '../applicationPaths.js';
import { isApplicationName } from '../formats/applicationName.js';
import { applicationsIn } from '../formats/mapping.js';
import { type ApplicationBatch, applicationFeed, type FeedContext } from './applicationFeed.js';
import { followNames } from './followNames.js';
import { followNode, type ReadingOptions } from './followNode.js';
import { type MetadataRequest, MetadataStore } from './metadataStore.js';
import type { ProvidedInstance } from './providedInstance.js';

/** The applications that have instances, each with the names of their nodes: `host:port`. */
export type Applications = ReadonlyMap<string, ReadonlySet<string>>;

interface NameList extends KeyChange<string> {
  /** All of them: live, not a copy. */
  readonly names: ReadonlySet<string>;
}

/** Answers queries from the level of applications: one watch for each node, however many queries need it. */
export class ApplicationDiscovery {
  readonly #connection: Observable<ConnectionState>;
  readonly #paths: ApplicationPaths;
  readonly #options: ReadingOptions;
  readonly #feed: FeedContext;
  readonly #applications = new Map<string, Kept<ApplicationBatch>>();
  readonly #mappings = new Map<string, Kept<ReadonlySet<string>>>();
  readonly #lists = new Map<string, Kept<NameList>>();

  constructor(
    connection: Observable<ConnectionState>,
    paths: ApplicationPaths,
    options: ReadingOptions,
    request?: MetadataRequest,
  ) {
    this.#connection = connection;
    this.#paths = paths;
    this.#options = options;
    this.#feed = { connection, options, metadata: new MetadataStore(connection, paths, options, request) };
  }

  /** The instances that a query asks for; empty for one that asks for no providers. Errors only with the connection. */
  sets(query: ServiceUrl): Observable<InstanceSet> {
    const asksForProviders = categoriesOf(query).includes('providers');
    return asksForProviders ? this.#follow(query) : concat(of(new InstanceSet()), NEVER);
  }

  /** Who is there; applications without an instance are left out. Errors only with the connection. */
  applications(): Observable<Applications> {
    return defer(() => {
      const present = new Map<string, Set<string>>();
      const awaited = new Set<string>();
      const namesOf = (application: string): Observable<KeyChange<string>> =>
        followNames(this.#connection, childOf(this.#paths.instances, application), isInstanceName, this.#options);
      return this.#all().pipe(
        mergeKeys(namesOf),
        map((event) => {
          if (event.type === 'keys') {
            for (const name of event.added) awaited.add(name);
            for (const name of event.gone) {
              awaited.delete(name);
              present.delete(name);
            }
          } else {
            awaited.delete(event.key);
            const names = new Set(present.get(event.key));
            for (const name of event.value.added) names.add(name);
            for (const name of event.value.gone) names.delete(name);
            if (names.size > 0) present.set(event.key, names);
            else present.delete(event.key);
          }
          return awaited.size === 0 ? new Map(present) : undefined;
        }),
        filter((applications) => applications !== undefined),
      );
    });
  }

  #follow(query: ServiceUrl): Observable<InstanceSet> {
    return defer(() => {
      const table = new InstanceTable(switchFilter(query));
      const wanted = serviceMatcher(query);
      const presentIn = new Map<string, ApplicationBatch['present']>();
      const awaited = new Set<string>();
      let ready = false;
      const urlsOf = (instances: Iterable<ProvidedInstance>): ServiceUrl[] =>
        [...instances].flatMap((instance) => instance.urls(query.interface).filter(wanted));

      const take = (event: KeyEvent<string, ApplicationBatch>): void => {
        if (event.type === 'keys') {
          for (const application of event.added) awaited.add(application);
          for (const application of event.gone) {
            awaited.delete(application);
            table.take([], urlsOf(presentIn.get(application)?.values() ?? []));
            presentIn.delete(application);
          }
          return;
        }
        const { key: application, value: batch } = event;
        presentIn.set(application, batch.present);
        if (batch.settled) awaited.delete(application);
        table.take(urlsOf(batch.added), urlsOf(batch.removed));
      };

      return this.#applicationsOf(query).pipe(
        mergeKeys((application) => this.#application(application)),
        map((event) => {
          take(event);
          // The first set must be complete.
          if (!ready && awaited.size > 0) return undefined;
          const events = table.tell();
          if (ready && events.length === 0) return undefined;
          ready = true;
          return table.toSet();
        }),
        filter((set) => set !== undefined),
      );
    });
  }

  #applicationsOf(query: ServiceUrl): Observable<KeyChange<string>> {
    const given = applicationsIn(query.parameter('provided-by') ?? '');
    if (query.interface === '*') return this.#all();
    if (!isName(query.interface)) return concat(of({ added: given, gone: [] }), NEVER);
    return this.#mapping(query.interface).pipe(
      map((mapped) => new Set([...given, ...mapped])),
      keyChanges(),
    );
  }

  /** A mapping that is removed says nothing: nobody takes it back, and Java does not heed it either. */
  #mapping(interfaceName: string): Observable<ReadonlySet<string>> {
    return kept(this.#mappings, interfaceName, () =>
      followNode(this.#connection, childOf(this.#paths.mapping, interfaceName), this.#options).pipe(
        scan(
          (before: ReadonlySet<string>, node) =>
            node ? new Set(applicationsIn(new TextDecoder().decode(node.data))) : before,
          new Set<string>(),
        ),
      ),
    );
  }

  #all(): Observable<KeyChange<string>> {
    return kept(this.#lists, this.#paths.instances, () => {
      const names = new Set<string>();
      return followNames(this.#connection, this.#paths.instances, isApplicationName, this.#options).pipe(
        map(({ added, gone }) => {
          for (const name of added) names.add(name);
          for (const name of gone) names.delete(name);
          return { names, added, gone };
        }),
      );
    }).pipe(map(({ names, added, gone }, index) => (index === 0 ? { added: [...names], gone: [] } : { added, gone })));
  }

  #application(application: string): Observable<ApplicationBatch> {
    return kept(
      this.#applications,
      application,
      () => applicationFeed(childOf(this.#paths.instances, application), application, this.#feed),
      ({ present, settled }) => ({ present, added: [], removed: [], settled }),
    ).pipe(
      map((batch, index) => (index === 0 ? { ...batch, added: [...batch.present.values()], removed: [] } : batch)),
    );
  }
}

const CATEGORY_NAMES: ReadonlySet<string> = new Set(CATEGORIES);

function isInstanceName(name: string): boolean {
  return isName(name) && !CATEGORY_NAMES.has(name);
}
