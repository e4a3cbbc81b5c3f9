import {
  connect,
  firstValueFrom,
  from,
  isObservable,
  map,
  merge,
  type Observable,
  of,
  startWith,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
  timeout,
} from 'rxjs';
import type { Applications, RegistrationState } from '../applications/index.js';
import type { CallOptions } from '../connection/index.js';
import { type ServiceQuery, type ServiceUrl, toQuery } from '../dubbo/index.js';
import { RegistryError } from '../errors.js';
import type { InstanceSet, ServiceEvent } from '../instances/index.js';
import { whenAborted } from '../internal/abort.js';
import { flag, LONGEST_MS, milliseconds, optionsObject } from '../internal/options.js';
import { quoted } from '../internal/quoted.js';
import { toEvents } from '../operators/index.js';
import type {
  LookupOptions,
  Provision,
  Registry,
  RegistryWarning,
  SubscribeOptions,
  SyncedEvent,
} from '../registry.js';
import { UseTally } from '../registryHealth.js';
import { registryPicker, type RegistryPicker, type RegistryPickerOptions } from '../registryPicker.js';
import { ApplicationsUnion } from './applicationsUnion.js';
import { type CombineOptions, combineSettings, type Settings } from './combineOptions.js';
import { type CombinedHealth, combinedHealth } from './combinedHealth.js';
import { combinedRegistration, type CombinedRegistrationState } from './combinedRegistration.js';
import { type CombinedState, combinedStates } from './combinedStates.js';
import { failoverOf } from './failoverOf.js';
import { Preference } from './preference.js';
import { Union } from './union.js';
import { type Joined, unionOf } from './unionOf.js';

/** Several registries as one: what {@link combineRegistries} makes. */
export interface CombinedRegistry extends Registry {
  /** The registries by name, to ask one of them alone, such as for who is registered there. */
  readonly parts: Readonly<Record<string, Registry>>;
  /**
   * The state of all connections together, which is that of the best of them, with the state of each. It changes as one
   * connection's does (`isLegalTransition`), but has no session: what `whileConnected` asks of it is refused with
   * `UNSUPPORTED`. Errors when all of them refuse us for good.
   */
  readonly states: Observable<CombinedState>;
  /** See {@link Registry.health}; with the health of each registry. */
  readonly health: Observable<CombinedHealth>;
  /**
   * Announces a service in all registries that are written to: see {@link Registry.register}.
   *
   * The state is that of the registry where it stands best, so `registered` says that one has it; `parts` says which. One that
   * refuses it for good does not end the others: that is an error only when all do.
   */
  register(
    url: string | ServiceUrl | Observable<string | ServiceUrl | undefined>,
  ): Observable<CombinedRegistrationState>;
  /**
   * The applications that have instances in any of the registries, with the instances of all of them, however services are read:
   * see {@link Registry.applications}. Errors when all registries refuse us for good.
   */
  applications(): Observable<Applications>;
}

/**
 * Several registries as one registry, which everything takes that takes one: one for each region, or two while services
 * move from ZooKeeper to etcd.
 *
 * ```text
 *  eu                  --a------------(outage)-----
 *  us                  ----b---c-----------------
 *  instances(query)    ----ab--abc---------------
 * ```
 *
 * An instance is told once, whoever has it, and goes when the last registry that has it takes it back. A registry that
 * cannot be reached takes nothing back. An instance that differs from registry to registry in more than its start is as the first
 * one says, in the order in which they stand here. A query errors when all registries refuse it.
 *
 * Nothing is connected before it is used. {@link Registry.close} closes all registries, whoever made them. `lookup` with `fresh` asks
 * all of them, and rejects if one does not answer; with failover, one after the other until one does; with `prefer`, the others only
 * if the first one has too few.
 *
 * @param registries - The registries by name, the first to be believed first.
 * @throws InvalidOptionError if there is none, one stands there twice, or an option is out of range.
 *
 * @example
 * ```ts
 * await using registry = combineRegistries(
 *   { eu: createRegistry('zookeeper://zk.eu:2181'), us: createRegistry('etcd://etcd.us:2379') },
 *   { write: ['eu'] },
 * );
 * ```
 */
export function combineRegistries(
  registries: Readonly<Record<string, Registry>>,
  options: CombineOptions = {},
): CombinedRegistry {
  const settings = combineSettings(registries, options);
  return new Combination(new Map(Object.entries(registries)), settings);
}

class Combination implements CombinedRegistry {
  readonly parts: Readonly<Record<string, Registry>>;
  readonly states: Observable<CombinedState>;
  readonly warnings: Observable<RegistryWarning>;
  readonly health: Observable<CombinedHealth>;
  readonly #uses = new UseTally();
  readonly #parts: ReadonlyMap<string, Registry>;
  readonly #settings: Settings;

  constructor(parts: ReadonlyMap<string, Registry>, settings: Settings) {
    this.#parts = parts;
    this.#settings = settings;
    this.parts = Object.freeze(Object.fromEntries(parts));
    this.states = combinedStates(new Map([...parts].map(([name, part]) => [name, part.states])));
    this.health = this.#uses.healthOf(combinedHealth(new Map([...parts].map(([name, part]) => [name, part.health]))));
    this.warnings = merge(...[...parts.values()].map((part) => part.warnings));
  }

  register(
    url: string | ServiceUrl | Observable<string | ServiceUrl | undefined>,
  ): Observable<CombinedRegistrationState> {
    const states = isObservable(url)
      ? url.pipe(connect((urls) => combinedRegistration(this.#written((part) => part.register(urls)))))
      : combinedRegistration(this.#written((part) => part.register(url)));
    return states.pipe(this.#uses.registration());
  }

  async provide(url: string | ServiceUrl, options: CallOptions = {}): Promise<Provision> {
    const { signal } = optionsObject(options);
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs, this.#settings.timeoutMs);
    signal?.throwIfAborted();
    const given = new AbortController();
    const provisions = this.#written((part) => part.provide(url, { signal: given.signal, timeoutMs: LONGEST_MS }));
    const first = Promise.any(provisions.values()).catch((error: unknown) => {
      throw error instanceof AggregateError ? error.errors[0] : error;
    });
    const states = from(first).pipe(
      switchMap((provision) =>
        combinedRegistration(
          new Map(
            [...provisions].map(([name, one]) => [
              name,
              merge(
                of<RegistrationState>({ status: 'pending', url: provision.url }),
                from(one).pipe(switchMap((made) => made.states)),
              ),
            ]),
          ),
        ),
      ),
    );
    const counting = states
      .pipe(startWith({ status: 'pending' } as const), this.#uses.registration())
      .subscribe({ error: () => undefined });
    const release = async (): Promise<void> => {
      counting.unsubscribe();
      given.abort(new RegistryError('CLOSED', 'The service is taken back.'));
      const made = await Promise.allSettled(provisions.values());
      const released = await Promise.allSettled(
        made.flatMap((each) => (each.status === 'fulfilled' ? [each.value.release()] : [])),
      );
      const failed = released.find((each) => each.status === 'rejected');
      if (failed) throw failed.reason;
    };
    try {
      const { url: announced } = await this.#settle(from(first), `${quoted(String(url))} to be registered`, {
        signal,
        timeoutMs,
      });
      return { url: announced, states, release, [Symbol.asyncDispose]: release };
    } catch (error) {
      await release().catch(() => undefined);
      throw error;
    }
  }

  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options?: { readonly synced?: false | undefined },
  ): Observable<ServiceEvent>;
  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options: SubscribeOptions,
  ): Observable<ServiceEvent | SyncedEvent>;
  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options: SubscribeOptions = {},
  ): Observable<ServiceEvent | SyncedEvent> {
    const isSynced = optionsObject(options).synced !== undefined && flag('synced', options.synced);
    return this.instances(query).pipe(
      connect((sets) => {
        const synced = sets.pipe(
          take(isSynced ? 1 : 0),
          map((): SyncedEvent => ({ type: 'synced' })),
        );
        return merge(sets.pipe(toEvents()), synced);
      }),
    );
  }

  instances(query: string | ServiceUrl | ServiceQuery): Observable<InstanceSet> {
    const parts = [...this.#parts.values()].map((part) => ({ states: part.states, sets: part.instances(query) }));
    const { read } = this.#settings;
    const joined = (): Observable<InstanceSet> =>
      unionOf(
        parts.map(({ sets }) => sets),
        this.#settings,
        () => this.#joined(),
      );
    const sets = read === 'failover' ? failoverOf(parts, this.#settings) : joined();
    return sets.pipe(this.#uses.views.counted('unknown', ({ origin }) => (origin === 'registry' ? 'known' : 'kept')));
  }

  applications(): Observable<Applications> {
    return unionOf(
      [...this.#parts.values()].map((part) => part.applications()),
      this.#settings,
      (count) => new ApplicationsUnion(count),
    );
  }

  async lookup(query: string | ServiceUrl | ServiceQuery, options: LookupOptions = {}): Promise<InstanceSet> {
    const isFresh = optionsObject(options).fresh !== undefined && flag('fresh', options.fresh);
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs, this.#settings.timeoutMs);
    if (!isFresh)
      return this.#settle(this.instances(query), 'the registries to say who is there', { ...options, timeoutMs });
    const ask = (part: Registry): Promise<InstanceSet> => part.lookup(query, { ...options, timeoutMs });
    const parts = [...this.#parts.values()];
    if (this.#settings.read === 'failover') {
      const [first, ...others] = parts;
      return others.reduce((answer, part) => answer.catch(() => ask(part)), ask(first!));
    }
    const joined = this.#joined();
    const [own, ...others] = parts;
    if (this.#settings.read === 'prefer') joined.take(0, await ask(own!));
    if (joined.isEnough) return joined.set;
    const sets = await Promise.all((this.#settings.read === 'prefer' ? others : parts).map(ask));
    for (const [part, set] of sets.entries()) joined.take(parts.length - sets.length + part, set);
    return joined.set;
  }

  picker(query: string | ServiceUrl | ServiceQuery, options: RegistryPickerOptions = {}): RegistryPicker {
    // Refuses what cannot be asked for now, not at the first call.
    toQuery(query);
    const { scheduler = this.#settings.scheduler } = optionsObject(options);
    return registryPicker(this.instances(query), { ...options, scheduler });
  }

  async close(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    await Promise.all([...this.#parts.values()].map((part) => part.close(options)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What the sets of all registries are joined in. */
  #joined(): Joined<InstanceSet> {
    const { read, minimum } = this.#settings;
    return read === 'prefer' ? new Preference(this.#parts.size, minimum) : new Union(this.#parts.size);
  }

  /** Does something in each registry that is written to. */
  #written<T>(use: (part: Registry) => T): Map<string, T> {
    return new Map(this.#settings.write.map((name) => [name, use(this.#parts.get(name)!)]));
  }

  #settle<T>(source: Observable<T>, what: string, options: CallOptions & { readonly timeoutMs: number }): Promise<T> {
    const { signal, timeoutMs } = options;
    const late = (): Observable<never> =>
      throwError(() => new RegistryError('TIMEOUT', `Waited ${timeoutMs} ms for ${what}, in vain.`));
    return firstValueFrom(
      merge(source, whenAborted(signal)).pipe(
        timeout({ first: timeoutMs, scheduler: this.#settings.scheduler, with: late }),
        throwIfEmpty(() => new RegistryError('CLOSED', `The registries were closed while this waited for ${what}.`)),
      ),
    );
  }
}
