import {
  defer,
  EMPTY,
  endWith,
  firstValueFrom,
  isObservable,
  map,
  merge,
  type Observable,
  of,
  ReplaySubject,
  switchMap,
  tap,
} from 'rxjs';
import { checkedCache, KeptCopies, type RegistryCache } from './cache/index.js';
import {
  type BackoffOptions,
  type CallOptions,
  fullJitter,
  KeptConnection,
  retryWithBackoff,
  type SharedBackend,
  shareBackend,
  whileConnected,
} from './connection/index.js';
import { Discovery, type DiscoveryOptions } from './discovery/index.js';
import { localAddress, rootPath, type ServiceQuery, ServiceUrl, toQuery, toRegisteredUrl } from './dubbo/index.js';
import type { InstanceSet, ServiceEvent } from './instances/index.js';
import { host } from './internal/host.js';
import { INSPECT, type Inspect, inspected, legible, shownError } from './internal/legible.js';
import { flag, milliseconds, optionsObject } from './internal/options.js';
import { quoted } from './internal/quoted.js';
import { redact } from './internal/redact.js';
import { noteUnsubscribed } from './internal/unsubscribed.js';
import { Warnings } from './internal/warnings.js';
import { withheldEvents } from './internal/withheldEvents.js';
import type { Backend, BackendWarning, ConnectionState } from './port/index.js';
import { register, Registrations, type RegistrationState, ReleasedNodes } from './registration/index.js';
import { type RegistryHealth, UseTally } from './registryHealth.js';
import { registryPicker, type RegistryPicker, type RegistryPickerOptions } from './registryPicker.js';
import { VERSION } from './version.js';

/** How a registry behaves, whatever it is kept on. */
export interface RegistryOptions {
  /** The directory of the registry, as Dubbo's `group` parameter of a registry address. @defaultValue `dubbo` */
  readonly group?: string | undefined;
  /** How long `lookup` and `provide` wait, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number | undefined;
  /** The waits after an operation that failed while connected. */
  readonly retry?: BackoffOptions | undefined;
  /**
   * Where what queries were told last is kept, for a start at which the registry cannot be reached: `fileCache(directory)`.
   *
   * Where the registry has not answered within `afterMs` of it, what was kept is told, and its sets have the `origin` `'kept'`.
   * What differs in the first answer is told after it.
   *
   * @defaultValue nothing is kept
   */
  readonly cache?: RegistryCache | undefined;
}

/** How {@link Registry.lookup} behaves. */
export interface LookupOptions extends CallOptions {
  /**
   * Whether to ask the registry anew, after it has caught up (`sync` on ZooKeeper, a linearizable read on etcd): what was
   * acknowledged to anybody before the call is seen. Costs some round trips more, and needs a connection.
   *
   * @defaultValue `false`
   */
  readonly fresh?: boolean | undefined;
}

/** How {@link Registry.subscribe} tells. */
export interface SubscribeOptions {
  /** Whether a {@link SyncedEvent} follows the present set, once. @defaultValue `false` */
  readonly synced?: boolean | undefined;
}

/** The events before this one told the complete present set, which may be empty; those after it tell changes. */
export interface SyncedEvent {
  readonly type: 'synced';
}

/** Something that went wrong and was got around: nothing stops because of it, but somebody should know. */
export interface RegistryWarning {
  /** What it is. */
  readonly code:
    | 'UNREADABLE_NODE'
    | 'UNREADABLE_DIRECTORY'
    | 'WITHHELD_EVENTS'
    | 'LARGE_DIRECTORY'
    | 'CONTESTED_REGISTRATION'
    | 'UNUSABLE_CACHE'
    | 'UNWRITABLE_CACHE'
    | BackendWarning['code'];
  readonly message: string;
  /** How often this registry has given a warning of that code, this one included. */
  readonly count: number;
  /** Where, without passwords; as it is there, so quote it where it is printed. */
  readonly path?: string;
  readonly cause?: unknown;
}

/** A service that is registered until it is released: what {@link Registry.provide} resolves with. */
export interface Provision extends AsyncDisposable {
  /** What is announced, with everything that was added to it. */
  readonly url: ServiceUrl;
  /**
   * Where the registration stands; the present state is replayed. Completes when released; errors if the registry refuses
   * us for good, which ends the registration.
   */
  readonly states: Observable<RegistrationState>;
  /**
   * Takes the service back; resolves when the registry has acknowledged it.
   *
   * Rejects with `TIMEOUT` if that takes too long; it will be taken back all the same, or go with the session.
   */
  release(): Promise<void>;
}

/**
 * A service registry: who provides what, and where.
 *
 * It connects at first use and stays connected until {@link Registry.close}. All streams are cold unless they say
 * otherwise, complete when the registry is closed, and go on through every outage by themselves.
 */
export interface Registry extends AsyncDisposable {
  /**
   * The state of the connection. Hot; replays the present state. Completes after `closed`; errors with
   * `NOT_AUTHORIZED` if the registry refuses us for good. Unsubscribing does not disconnect.
   */
  readonly states: Observable<ConnectionState>;

  /** What went wrong and was got around. Hot; replays nothing; never errors. */
  readonly warnings: Observable<RegistryWarning>;

  /**
   * Whether the registry answers, what is registered and what is known: what a readiness probe needs.
   *
   * Hot; replays the present health. Connects at the first use, as {@link states} does. Completes when the registry is closed; never
   * errors: a registry that refuses us for good has the status `refused`.
   */
  readonly health: Observable<RegistryHealth>;

  /**
   * Announces a service for as long as it is subscribed to, and announces it anew whenever it is lost.
   *
   * ```text
   *  connection    ---c---------s-------c---------l---k---c----    c: connected, s: suspended, l: lost, k: connecting
   *  register(u)   p----r-------s--------r--------p--------r---    p: pending, r: registered, s: suspended
   * ```
   *
   * Cold: each subscription is a registration, and a second live one of the same service errors with
   * `DuplicateRegistrationError`. Unsubscribing takes it back, during an outage as soon as that is over. A stream of
   * URLs moves the registration: within one directory in one transaction, else the new node stands before the old one goes.
   * `undefined` among them withdraws it until the next URL. Adds `pid`, `timestamp`, `side`, `release`, `category` and
   * `interface` where they are missing. With `dynamic=false` the node is persistent: it outlives
   * the session and {@link Registry.close}, goes only when unsubscribed, and replaces any persistent node of the same
   * instance and category, such as a former process left.
   *
   * Errors with `InvalidUrlError`, `DuplicateRegistrationError`, `NOT_AUTHORIZED` or `TOO_LARGE`; never for a passing
   * fault.
   *
   * @example
   * ```ts
   * const provider = registry
   *   .register('dubbo://10.0.0.5:20880/com.acme.UserService?version=1.0.0')
   *   .subscribe((state) => console.log(state.status));
   * provider.unsubscribe(); // takes it back
   * ```
   */
  register(url: string | ServiceUrl | Observable<string | ServiceUrl | undefined>): Observable<RegistrationState>;

  /**
   * Announces a service; resolves once it is registered. For those who do not hold subscriptions.
   *
   * Rejects with what {@link Registry.register} errors with, with `TIMEOUT`, or with the signal's reason; then nothing
   * stays registered.
   *
   * @example
   * ```ts
   * await using provision = await registry.provide('dubbo://10.0.0.5:20880/com.acme.UserService');
   * ```
   */
  provide(url: string | ServiceUrl, options?: CallOptions): Promise<Provision>;

  /**
   * Tells who is there, and then who comes, changes and goes.
   *
   * ```text
   *  connection       --c---------s------c-----
   *  in the registry  a    b         -b +d
   *  subscribe(q)     --(a)b-------------(-b+d)
   * ```
   *
   * The first events tell the complete present set; an outage tells nothing and takes nothing back; what changed
   * meanwhile is told after it. At any moment the events told add up to what {@link Registry.instances} emits. Errors
   * with `InvalidUrlError`, `InvalidOptionError`, or `NOT_AUTHORIZED` before anything was told. Unsubscribing releases the watch on the
   * server when nobody else needs it.
   *
   * @example
   * ```ts
   * registry.subscribe('consumer://10.0.0.9/com.acme.UserService?version=1.0.0').subscribe(({ type, service }) => {
   *   console.log(type, service.address);
   * });
   * ```
   */
  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options?: { readonly synced?: false | undefined },
  ): Observable<ServiceEvent>;
  /** The same with `synced: true`: one event of the type `synced` follows the present set. */
  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options: SubscribeOptions,
  ): Observable<ServiceEvent | SyncedEvent>;

  /**
   * Who is there as complete sets: the present one, and one more for every change.
   *
   * The same knowledge as {@link Registry.subscribe}. A service that nobody provides is an empty set, an outage is none. With a cache
   * the first set may be one that was kept (`origin`); the registry's answer is another set then, if only by its origin.
   */
  instances(query: string | ServiceUrl | ServiceQuery): Observable<InstanceSet>;

  /**
   * Who is there now. Rejects with `TIMEOUT` if the registry does not say in time, or with the signal's reason.
   *
   * A query that is followed already is answered from what is known, which may be some milliseconds behind: a provider whose
   * registration another process has just seen acknowledged may be missing. `fresh: true` asks the registry.
   *
   * @example
   * ```ts
   * const users = await registry.lookup({ interface: 'com.acme.UserService', version: '*' });
   * ```
   */
  lookup(query: string | ServiceUrl | ServiceQuery, options?: LookupOptions): Promise<InstanceSet>;

  /**
   * Chooses who gets the next call, for those who await: a web server, a script.
   *
   * Hot: it follows the registry from now on, by one subscription, until it or the registry is closed. A call that comes before the
   * registry has answered waits for `startMs`. Calls fail with `CLOSED` after the end, and with `NOT_AUTHORIZED` if the registry
   * refuses us for good. Make one for each service and keep it.
   *
   * @param query - Who may be called.
   * @param options - How to choose, and what the sets go through before.
   * @throws InvalidUrlError or InvalidOptionError for a query or an option that cannot be.
   *
   * @example
   * ```ts
   * const users = registry.picker({ interface: 'com.acme.UserService', version: '*' });
   * const response = await users.run(({ address }, { signal }) => fetch(`http://${address}/users/7`, { signal }));
   * ```
   */
  picker(query: string | ServiceUrl | ServiceQuery, options?: RegistryPickerOptions): RegistryPicker;

  /**
   * Takes everything back, lets every watch go, ends the session, in this order; then every stream completes.
   *
   * Resolves when that is acknowledged, at the latest after `deadlineMs` (5000 by default), in every state. What could
   * not be taken back by then goes with the session. Never rejects; again and again is the same.
   *
   * @throws InvalidOptionError if `deadlineMs` is not a number of milliseconds.
   */
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

/** A registry on a backend, or on that address; see `createRegistry`. */
export function registryOn(backend: Backend, options: RegistryOptions = {}, address?: string): Registry {
  return new BackendRegistry(shareBackend(backend, 'owner', address), options);
}

/** A part of a registry's connection, for a guest; `undefined` for a registry that is not of ours. */
export function guestOf(registry: object): SharedBackend | undefined {
  return BackendRegistry.guestOf(registry);
}

class BackendRegistry implements Registry {
  readonly states: Observable<ConnectionState>;
  readonly warnings: Observable<RegistryWarning>;
  readonly health: Observable<RegistryHealth>;
  readonly #backend: SharedBackend;
  readonly #connection: KeptConnection;
  readonly #root: string;
  readonly #registrations: Registrations;
  readonly #discovering: DiscoveryOptions;
  readonly #discovery: Discovery;
  readonly #keys = new Map<string, object>();
  readonly #warnings = new Warnings<RegistryWarning['code']>('registry');
  readonly #uses = new UseTally();
  readonly #copies: KeptCopies | undefined;
  #closed: Promise<void> | undefined;

  constructor(backend: SharedBackend, options: RegistryOptions) {
    this.#backend = backend;
    this.#connection = new KeptConnection(backend, {
      name: 'registry',
      area: 'registry',
      timeoutMs: options.timeoutMs,
      warn: ({ code, message, ...details }) => this.#warnings.tell(code, message, details),
    });
    this.#root = rootPath(options.group);
    this.states = this.#connection.states;
    this.warnings = this.#warnings.all;
    this.health = this.#uses.healthOf(this.#connection.health);
    const { retry } = options;
    // Refuses what is out of range now, not at the first fault.
    fullJitter(retry);
    const shared = { ...(retry && { retry }), scheduler: this.#connection.scheduler };
    const released = new ReleasedNodes(this.states, {
      ...shared,
      root: this.#root,
      isWanted: (path) => this.#registrations.has(path),
    });
    this.#registrations = new Registrations(this.states, {
      ...shared,
      released: (session, node) => released.add(session, node),
      warn: (cause) => this.#warnings.tell('CONTESTED_REGISTRATION', cause.message, { cause }),
    });
    this.#discovering = {
      ...shared,
      ...(backend.largeDirectoryBytes && { largeAtBytes: backend.largeDirectoryBytes }),
      onLarge: (path, bytes) =>
        this.#warnings.tell(
          'LARGE_DIRECTORY',
          `The names below ${quoted(path)} add up to ${bytes} bytes: Java clients with default settings stop reading it at 1048575.`,
          { path: redact(path) },
        ),
      onWithheld: (path) => {
        if (this.#warnings.isKnown(`withheld ${path}`)) return;
        this.#warnings.tell('WITHHELD_EVENTS', withheldEvents(path), { path: redact(path) });
      },
      onRefused: (path, cause) => {
        if (this.#warnings.isKnown(path)) return;
        const why = cause instanceof Error ? cause.message : String(cause);
        this.#warnings.tell(
          'UNREADABLE_DIRECTORY',
          `What is known of ${quoted(path)} stays as it is until it can be read: ${why}`,
          {
            path: redact(path),
            cause,
          },
        );
      },
      onUnreadable: (path, cause) => {
        if (this.#warnings.isKnown(path)) return;
        this.#warnings.tell(
          'UNREADABLE_NODE',
          `Skipped ${quoted(path)}: ${cause instanceof Error ? cause.message : String(cause)}`,
          { path: redact(path), cause },
        );
      },
    };
    this.#copies =
      options.cache === undefined
        ? undefined
        : new KeptCopies(checkedCache(options.cache), {
        registry: `${backend.identity ?? backend.name} ${this.#root}`,
        scheduler: this.#connection.scheduler,
        isConnected: () => this.#connection.status === 'connected',
        isClosing: () => this.#connection.isClosed,
        warn: (code, message, cause) => this.#warnings.tell(code, message, { cause }),
      });
    this.#discovery = new Discovery(this.#root, this.states, {
      ...this.#discovering,
      views: this.#uses.views,
      copies: this.#copies,
    });
  }

  static guestOf(registry: object): SharedBackend | undefined {
    return #backend in registry ? registry.#backend.guest() : undefined;
  }

  register(url: string | ServiceUrl | Observable<string | ServiceUrl | undefined>): Observable<RegistrationState> {
    const registration = this.#connection.whileOpen(
      register(
        isObservable(url)
          ? url.pipe(map((next) => (next === undefined ? undefined : this.#announced(next))))
          : () => this.#announced(url),
        {
          root: this.#root,
          registrations: this.#registrations,
          keys: this.#keys,
          isClosing: () => this.#connection.isClosed,
        },
      ).pipe(
        tap((state) => legible(state, 'RegistrationState', shownRegistration)),
        this.#uses.registration(),
      ),
    );
    return noteUnsubscribed(registration, () => `register(${isObservable(url) ? 'urls' : quoted(String(url))})`);
  }

  async provide(url: string | ServiceUrl, options: CallOptions = {}): Promise<Provision> {
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs, this.#connection.timeoutMs);
    options.signal?.throwIfAborted();
    const states = new ReplaySubject<RegistrationState>(1);
    const registration = this.register(url).subscribe(states);
    try {
      const registered = await this.#connection.settle(
        states.pipe(switchMap((state) => (state.status === 'registered' ? of(state) : []))),
        `${quoted(String(url))} to be registered`,
        options,
      );
      let gone: Observable<never> | undefined;
      const release = async (): Promise<void> => {
        registration.unsubscribe();
        states.complete();
        // Once: what is held later at the same path is another's.
        gone ??= this.#registrations.gone(registered.path);
        const what = `${quoted(String(url))} to be taken back`;
        await firstValueFrom(this.#connection.within(timeoutMs, gone.pipe(endWith(undefined)), what));
      };
      const provision = { url: registered.url, states: states.asObservable(), release, [Symbol.asyncDispose]: release };
      return legible(provision, 'Provision', ({ url }) => ({ url }));
    } catch (error) {
      registration.unsubscribe();
      throw error;
    }
  }

  subscribe(query: string | ServiceUrl | ServiceQuery): Observable<ServiceEvent>;
  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options: SubscribeOptions,
  ): Observable<ServiceEvent | SyncedEvent>;
  subscribe(
    query: string | ServiceUrl | ServiceQuery,
    options: SubscribeOptions = {},
  ): Observable<ServiceEvent | SyncedEvent> {
    const isSynced = optionsObject(options).synced !== undefined && flag('synced', options.synced);
    const synced: readonly SyncedEvent[] = isSynced ? [{ type: 'synced' }] : [];
    const events = this.#connection.whileOpen(defer(() => this.#discovery.events(toQuery(query), synced)));
    return noteUnsubscribed(events, () => `subscribe(${shownQuery(query)})`);
  }

  instances(query: string | ServiceUrl | ServiceQuery): Observable<InstanceSet> {
    const sets = this.#connection.whileOpen(defer(() => this.#discovery.sets(toQuery(query))));
    return noteUnsubscribed(sets, () => `instances(${shownQuery(query)})`);
  }

  async lookup(query: string | ServiceUrl | ServiceQuery, options: LookupOptions = {}): Promise<InstanceSet> {
    const isFresh = optionsObject(options).fresh !== undefined && flag('fresh', options.fresh);
    const sets = isFresh ? defer(() => this.#fresh(toQuery(query))) : this.instances(query);
    return this.#connection.settle(sets, 'the registry to say who is there', options);
  }

  /** Sets that are read anew, after the server has caught up: what others have been told of is in the first one. */
  #fresh(query: ServiceUrl): Observable<InstanceSet> {
    const { retry, scheduler } = this.#discovering;
    return this.states.pipe(
      whileConnected((session) =>
        session.sync().pipe(
          retryWithBackoff({ ...retry, ...(scheduler && { scheduler }) }),
          switchMap(() => new Discovery(this.#root, this.states, this.#discovering).sets(query)),
        ),
      ),
    );
  }

  picker(query: string | ServiceUrl | ServiceQuery, options: RegistryPickerOptions = {}): RegistryPicker {
    // Refuses what cannot be asked for now, not at the first call.
    toQuery(query);
    const { scheduler = this.#connection.scheduler } = optionsObject(options);
    return registryPicker(this.instances(query), { ...options, scheduler });
  }

  close(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    return (this.#closed ??= this.#connection
      .close(
        options.deadlineMs,
        merge(this.#registrations.releases(), this.#copies?.settled() ?? EMPTY),
        () => this.#registrations.mayOwn,
      )
      .finally(() => this.#warnings.end()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What logs may know. */
  toJSON(): { backend: string; root: string; connection: string } {
    return { backend: this.#backend.name, root: this.#root, connection: this.#connection.status };
  }

  toString(): string {
    return `Registry ${JSON.stringify(this)}`;
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return inspected('Registry', this.toJSON(), options, inspect);
  }

  /** What is written to the registry for a URL that was asked for. */
  #announced(url: string | ServiceUrl): ServiceUrl {
    return toRegisteredUrl(ServiceUrl.parse(url), {
      pid: host().pid,
      timestampMs: Date.now(),
      release: `rx-registry-${VERSION}`,
      localAddress,
      env: host().env,
    });
  }
}

function shownRegistration(state: RegistrationState): Record<string, unknown> {
  return {
    ...state,
    ...('path' in state && { path: redact(state.path) }),
    ...('cause' in state && { cause: shownError(state.cause) }),
  };
}

function shownQuery(query: string | ServiceUrl | ServiceQuery): string {
  return typeof query === 'string' || query instanceof ServiceUrl ? quoted(String(query)) : JSON.stringify(query);
}
