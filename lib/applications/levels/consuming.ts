import {
  concatMap,
  connect,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  identity,
  ignoreElements,
  map,
  merge,
  type Observable,
  type OperatorFunction,
  switchMap,
  take,
  tap,
} from 'rxjs';
import type { KeptCopies } from '../../cache/index.js';
import { categoriesOf, instanceKey, serviceMatcher, ServiceUrl, switchFilter } from '../../dubbo/index.js';
import type { ViewKind } from '../../discovery/index.js';
import type { InstanceSet, ServiceEvent } from '../../instances/index.js';
import { toEvents } from '../../operators/index.js';
import { type Kept, kept } from '../../internal/kept.js';
import type { Tally } from '../../internal/tally.js';
import type { ConnectionState } from '../../port/index.js';
import { applicationPaths } from '../applicationPaths.js';
import { ApplicationDiscovery, type Applications } from '../consuming/applicationDiscovery.js';
import type { ReadingOptions } from '../consuming/followNode.js';
import type { MetadataRequest } from '../consuming/metadataStore.js';
import type { LevelWarnings } from './levelWarnings.js';
import { type KeptInstance, type KeptInstances, mergeLevels } from './mergeLevels.js';

/** What a {@link Consuming} needs of its registry. */
export interface ConsumingContext extends ReadingOptions {
  readonly group: string | undefined;
  /** Answers a query from the interface level. */
  readonly services: (query: ServiceUrl) => Observable<InstanceSet>;
  readonly warnings: LevelWarnings;
  /** Counts the queries that are followed, by what is known of their answers. */
  readonly views?: Tally<ViewKind> | undefined;
  /** Keeps the answers for a start without the registry. */
  readonly copies?: KeptCopies | undefined;
  /** How instances are asked that keep their metadata to themselves. */
  readonly request?: MetadataRequest;
}

/** Answers queries from both levels of Dubbo. */
export class Consuming {
  readonly #context: ConsumingContext;
  readonly #discovery: ApplicationDiscovery;
  readonly #queries = new Map<string, Kept<InstanceSet>>();

  constructor(connection: Observable<ConnectionState>, context: ConsumingContext) {
    const { group, onRefused, request, ...options } = context;
    const paths = applicationPaths(group);
    this.#context = context;
    this.#discovery = new ApplicationDiscovery(
      connection,
      paths,
      {
        ...options,
        // Who may read no mapping is told so once, not once for each interface.
        onRefused: (path, error) => onRefused(path.startsWith(`${paths.mapping}/`) ? paths.mapping : path, error),
      },
      request,
    );
  }

  /** See `Registry.instances`. */
  sets(query: ServiceUrl): Observable<InstanceSet> {
    const counted =
      this.#context.views?.counted<InstanceSet>('unknown', (set) => (isPresent(set) ? 'known' : 'kept')) ?? identity;
    return kept(this.#queries, keyOf(query), () =>
      this.#withCopies(query).pipe(
        counted,
        connect((sets) => merge(sets, sets.pipe(whileEmpty(() => this.#warnOfOthers(query))))),
      ),
    );
  }

  /** See `Registry.subscribe`; emits `marks` after the events of the first set that the registry tells. */
  events<M = never>(query: ServiceUrl, marks: readonly M[] = []): Observable<ServiceEvent | M> {
    return this.sets(query).pipe(
      connect((sets) => {
        const events = sets.pipe(toEvents());
        if (marks.length === 0) return events;
        // Subscribed to after the events, and so told of the first set after them.
        return merge(
          events,
          sets.pipe(
            filter(isPresent),
            take(1),
            concatMap(() => marks),
          ),
        );
      }),
    );
  }

  /** See `Registry.applications`. */
  applications(): Observable<Applications> {
    return this.#discovery.applications();
  }

  #merged(query: ServiceUrl, copy?: Observable<KeptInstances>): Observable<InstanceSet> {
    return mergeLevels(this.#context.services(query), this.#discovery.sets(query), copy);
  }

  /** Keeps the answers to a query, and tells what was kept where there is none in time. */
  #withCopies(query: ServiceUrl): Observable<InstanceSet> {
    const { copies } = this.#context;
    if (!copies) return this.#merged(query);
    return defer(() => {
      const name = keyOf(query);
      let isKnown = false;
      const copy = copies.read(name, instanceReader(query), () => isKnown);
      return this.#merged(query, copy).pipe(
        connect((sets) => {
          const answers = sets.pipe(
            filter(isPresent),
            tap(() => (isKnown = true)),
            // A set does not change, and what it is made of is only looked at when it is written.
            map((set) => () => set.toArray()),
          );
          return merge(
            copies.keep(name, answers, (url) => url.toFullString()),
            sets,
          );
        }),
      );
    });
  }

  /** Tells of what is there with another group or version, once; emits nothing. */
  #warnOfOthers(query: ServiceUrl): Observable<never> {
    const isWide = query.group === '*' && query.version === '*';
    if (query.interface === '*' || isWide || !categoriesOf(query).includes('providers')) return EMPTY;
    const anyOfIt = query.with({ parameters: { group: '*', version: '*' } });
    return this.#merged(anyOfIt).pipe(
      filter(({ size }) => size > 0),
      take(1),
      tap((others) => this.#context.warnings.onNothingFound(query, others)),
      ignoreElements(),
    );
  }
}

/** Does something as long as the last set is empty. */
function whileEmpty(work: () => Observable<never>): OperatorFunction<InstanceSet, never> {
  return (sets) =>
    sets.pipe(
      map(({ size }) => size === 0),
      distinctUntilChanged(),
      switchMap((isEmpty) => (isEmpty ? work() : EMPTY)),
    );
}

/** Whether the registry tells it. */
function isPresent({ origin }: InstanceSet): boolean {
  return origin === 'registry';
}

/** Reads an instance that was kept; `undefined` for one that is no answer to the query. */
function instanceReader(query: ServiceUrl): (text: string) => KeptInstance | undefined {
  const [matches, isOn] = [serviceMatcher(query), switchFilter(query)];
  return (text) => {
    const url = ServiceUrl.parse(text);
    return matches(url) && isOn(url) ? [instanceKey(url), url] : undefined;
  };
}

/** Tells queries apart by all they say: as texts, two that differ can be the same. */
function keyOf({ protocol, host, port, path, parameters }: ServiceUrl): string {
  return JSON.stringify([protocol, host, port, path, ...parameters]);
}
