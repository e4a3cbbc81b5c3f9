import {
  asyncScheduler,
  defer,
  endWith,
  firstValueFrom,
  ignoreElements,
  isObservable,
  map,
  merge,
  type Observable,
  of,
  ReplaySubject,
  Subject,
  Subscription,
  switchMap,
  takeUntil,
  throwError,
  throwIfEmpty,
  timeout,
  timer,
} from 'rxjs';
import { type BackoffOptions, fullJitter } from './connection/index.js';
import { Discovery } from './discovery/index.js';
import { localAddress, rootPath, type ServiceQuery, ServiceUrl, toQuery, toRegisteredUrl } from './dubbo/index.js';
import { InvalidOptionError, RegistryError } from './errors.js';
import type { InstanceSet, ServiceEvent } from './instances/index.js';
import { whenAborted } from './internal/abort.js';
import { clockOf } from './internal/clock.js';
import { debugLog } from './internal/debug.js';
import { quoted } from './internal/quoted.js';
import { redact } from './internal/redact.js';
import type { Backend, ConnectionState } from './port/index.js';
import { Claims, register, type RegistrationState } from './registration/index.js';
import { VERSION } from './version.js';

/** How a registry behaves, whatever it is kept on. */
export interface RegistryOptions {
  /** The directory of the registry, as Dubbo's `group` parameter of a registry address. @defaultValue `dubbo` */
  readonly group?: string;
  /** How long `lookup` and `provide` wait, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /** The waits after an operation that failed while connected. */
  readonly retry?: BackoffOptions;
}

/** How a single call of a promise-returning method behaves. */
export interface CallOptions {
  /** Gives the call up, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait, in milliseconds. @defaultValue {@link RegistryOptions.timeoutMs} */
  readonly timeoutMs?: number;
}

/** Something that went wrong and was got around: nothing stops because of it, but somebody should know. */
export interface RegistryWarning {
  /** What it is. */
  readonly code: 'UNREADABLE_NODE' | 'UNREADABLE_DIRECTORY' | 'LARGE_DIRECTORY' | 'CONTESTED_REGISTRATION';
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
   * Announces a service for as long as it is subscribed to, and announces it anew whenever it is lost.
   *
   * ```text
   *  connection    ---c---------s-------c---------l---k---c----    c: connected, s: suspended, l: lost, k: connecting
   *  register(u)   p----r-------s--------r--------p--------r---    p: pending, r: registered, s: suspended
   * ```
   *
   * Cold: each subscription is a registration, and a second live one of the same service errors with
   * `DuplicateRegistrationError`. Unsubscribing takes it back, during an outage as soon as that is over. A stream of
   * URLs moves the registration: the new node stands before the old one goes. Adds `pid`, `timestamp`, `side`,
   * `release`, `category` and `interface` where they are missing. With `dynamic=false` the node is persistent: it outlives
   * the session and {@link Registry.close}, and goes only when unsubscribed.
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
  register(url: string | ServiceUrl | Observable<string | ServiceUrl>): Observable<RegistrationState>;

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
  subscribe(query: string | ServiceUrl | ServiceQuery): Observable<ServiceEvent>;

  /**
   * Who is there as complete sets: the present one, and one more for every change.
   *
   * The same knowledge as {@link Registry.subscribe}. A service that nobody provides is an empty set, an outage is none.
   */
  instances(query: string | ServiceUrl | ServiceQuery): Observable<InstanceSet>;

  /**
   * Who is there now. Rejects with `TIMEOUT` if the registry does not say in time, or with the signal's reason.
   *
   * @example
   * ```ts
   * const users = await registry.lookup({ interface: 'com.acme.UserService', version: '*' });
   * ```
   */
  lookup(query: string | ServiceUrl | ServiceQuery, options?: CallOptions): Promise<InstanceSet>;

  /**
   * Takes everything back, lets every watch go, ends the session, in this order; then every stream completes.
   *
   * Resolves when that is acknowledged, at the latest after `deadlineMs` (5000 by default), in every state. What could
   * not be taken back by then goes with the session. Never rejects; again and again is the same.
   *
   * @throws InvalidOptionError if `deadlineMs` is not a number of milliseconds.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_CLOSE_DEADLINE_MS = 5_000;
/** How many characters of paths that cannot be read are remembered. */
const MOST_UNREADABLE = 2_000_000;

/** A registry on a backend; see `createRegistry`. */
export function registryOn(backend: Backend, options: RegistryOptions = {}): Registry {
  return new BackendRegistry(backend, options);
}

class BackendRegistry implements Registry {
  readonly states: Observable<ConnectionState>;
  readonly warnings: Observable<RegistryWarning>;
  readonly #backend: Backend;
  readonly #timeoutMs: number;
  readonly #root: string;
  readonly #claims: Claims;
  readonly #discovery: Discovery;
  readonly #keys = new Map<string, object>();
  readonly #warnings = new Subject<RegistryWarning>();
  readonly #unreadable = new Set<string>();
  #unreadableLength = 0;
  readonly #counts = new Map<string, number>();
  readonly #closing = new ReplaySubject<void>(1);
  readonly #log = debugLog('registry');
  #holding = Subscription.EMPTY;
  #state: ConnectionState | undefined;
  #closed: Promise<void> | undefined;

  constructor(backend: Backend, options: RegistryOptions) {
    this.#backend = backend;
    this.#timeoutMs = duration('timeoutMs', options.timeoutMs, DEFAULT_TIMEOUT_MS);
    this.#root = rootPath(options.group);
    this.warnings = this.#warnings.asObservable();
    this.states = defer(() => {
      this.#hold();
      return backend.states;
    });
    const { retry } = options;
    // Refuses what is out of range now, not at the first fault.
    fullJitter(retry);
    const shared = { ...(retry && { retry }), scheduler: this.#scheduler };
    this.#claims = new Claims(this.states, {
      ...shared,
      warn: (cause) => this.#warn('CONTESTED_REGISTRATION', cause.message, { cause }),
    });
    this.#discovery = new Discovery(this.#root, this.states, {
      ...shared,
      ...(backend.largeDirectoryBytes && { largeAtBytes: backend.largeDirectoryBytes }),
      onLarge: (path, bytes) =>
        this.#warn(
          'LARGE_DIRECTORY',
          `The names below ${quoted(path)} add up to ${bytes} bytes: Java clients with default settings stop reading it at 1048575.`,
          { path: redact(path) },
        ),
      onRefused: (path, cause) => {
        if (this.#isKnownUnreadable(path)) return;
        const why = cause instanceof Error ? cause.message : String(cause);
        this.#warn(
          'UNREADABLE_DIRECTORY',
          `What is known of ${quoted(path)} stays as it is until it can be read: ${why}`,
          {
            path: redact(path),
            cause,
          },
        );
      },
      onUnreadable: (path, cause) => {
        if (this.#isKnownUnreadable(path)) return;
        this.#warn(
          'UNREADABLE_NODE',
          `Skipped ${quoted(path)}: ${cause instanceof Error ? cause.message : String(cause)}`,
          { path: redact(path), cause },
        );
      },
    });
  }

  register(url: string | ServiceUrl | Observable<string | ServiceUrl>): Observable<RegistrationState> {
    const urls = isObservable(url) ? url : of(url);
    return this.#whileOpen(
      register(
        urls.pipe(
          map((next) =>
            toRegisteredUrl(ServiceUrl.parse(next), {
              pid: process.pid,
              timestampMs: Date.now(),
              release: `rx-registry-${VERSION}`,
              localAddress,
              env: process.env,
            }),
          ),
        ),
        { root: this.#root, claims: this.#claims, keys: this.#keys, isClosing: () => this.#closed !== undefined },
      ),
    );
  }

  async provide(url: string | ServiceUrl, options: CallOptions = {}): Promise<Provision> {
    const timeoutMs = duration('timeoutMs', options.timeoutMs, this.#timeoutMs);
    options.signal?.throwIfAborted();
    const states = new ReplaySubject<RegistrationState>(1);
    const registration = this.register(url).subscribe(states);
    try {
      const registered = await this.#settle(
        states.pipe(switchMap((state) => (state.status === 'registered' ? of(state) : []))),
        `${quoted(String(url))} to be registered`,
        timeoutMs,
        options.signal,
      );
      let gone: Observable<never> | undefined;
      const release = async (): Promise<void> => {
        registration.unsubscribe();
        states.complete();
        // Once: what is claimed later at the same path is another's.
        gone ??= this.#claims.gone(registered.path);
        const what = `${quoted(String(url))} to be taken back`;
        await firstValueFrom(this.#within(timeoutMs, gone.pipe(endWith(undefined)), what));
      };
      return { url: registered.url, states: states.asObservable(), release, [Symbol.asyncDispose]: release };
    } catch (error) {
      registration.unsubscribe();
      throw error;
    }
  }

  subscribe(query: string | ServiceUrl | ServiceQuery): Observable<ServiceEvent> {
    return this.#whileOpen(defer(() => this.#discovery.events(toQuery(query))));
  }

  instances(query: string | ServiceUrl | ServiceQuery): Observable<InstanceSet> {
    return this.#whileOpen(defer(() => this.#discovery.sets(toQuery(query))));
  }

  async lookup(query: string | ServiceUrl | ServiceQuery, options: CallOptions = {}): Promise<InstanceSet> {
    const timeoutMs = duration('timeoutMs', options.timeoutMs, this.#timeoutMs);
    options.signal?.throwIfAborted();
    return this.#settle(this.instances(query), 'the registry to say who is there', timeoutMs, options.signal);
  }

  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    return (this.#closed ??= this.#close(duration('deadlineMs', options.deadlineMs, DEFAULT_CLOSE_DEADLINE_MS)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadlineMs: number): Promise<void> {
    const clock = clockOf(this.#scheduler);
    const deadline = clock.now() + deadlineMs;
    this.#log('closing');
    // `close` must have returned before a stream ends, so that whoever ends with it finds the registry closed.
    await Promise.resolve();
    this.#closing.next();
    await firstValueFrom(
      this.#claims.releases().pipe(ignoreElements(), takeUntil(timer(deadlineMs, this.#scheduler)), endWith(undefined)),
    );
    await this.#backend.close(Math.max(0, deadline - clock.now()));
    this.#holding.unsubscribe();
    this.#warnings.complete();
    this.#log('closed');
  }

  get #scheduler() {
    return this.#backend.scheduler ?? asyncScheduler;
  }

  /** Keeps the connection from the first use on: what is taken back later still needs it. */
  #hold(): void {
    if (!this.#holding.closed || this.#closed) return;
    const holding = new Subscription();
    this.#holding = holding;
    holding.add(
      this.#backend.states.subscribe({
        next: (state) => (this.#state = state),
        error: () => holding.unsubscribe(),
      }),
    );
  }

  #whileOpen<T>(source: Observable<T>): Observable<T> {
    return defer(() =>
      this.#closed
        ? throwError(() => new RegistryError('CLOSED', 'The registry is closed.'))
        : source.pipe(takeUntil(this.#closing)),
    );
  }

  #settle<T>(source: Observable<T>, what: string, timeoutMs: number, signal?: AbortSignal): Promise<T> {
    return firstValueFrom(
      this.#within(timeoutMs, merge(source, whenAborted(signal).pipe(takeUntil(this.#closing))), what).pipe(
        takeUntil(this.#closing),
        throwIfEmpty(() => new RegistryError('CLOSED', `The registry was closed while it waited for ${what}.`)),
      ),
    );
  }

  #within<T>(timeoutMs: number, source: Observable<T>, what: string): Observable<T> {
    return source.pipe(
      timeout({
        first: timeoutMs,
        scheduler: this.#scheduler,
        with: () => throwError(() => this.#timeoutError(what, timeoutMs)),
      }),
    );
  }

  /** Each is told once, however often it is looked at; a registry full of garbage is not to fill our memory. */
  #isKnownUnreadable(path: string): boolean {
    if (this.#unreadable.has(path)) return true;
    if (this.#unreadableLength + path.length > MOST_UNREADABLE) {
      this.#unreadable.clear();
      this.#unreadableLength = 0;
    }
    this.#unreadable.add(path);
    this.#unreadableLength += path.length;
    return false;
  }

  #timeoutError(what: string, timeoutMs: number): RegistryError {
    const cause = this.#state && 'cause' in this.#state ? this.#state.cause : undefined;
    const why = `the connection is ${this.#state?.status ?? 'not there'}${cause ? ` (${cause.message.replace(/\.$/, '')})` : ''}`;
    return new RegistryError('TIMEOUT', `Waited ${timeoutMs} ms for ${what}; ${why}.`, cause ? { cause } : {});
  }

  #warn(code: RegistryWarning['code'], message: string, details: { path?: string; cause?: unknown }): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    this.#log('warning %s: %s', code, message);
    this.#warnings.next({ code, message, count, ...details });
  }
}

function duration(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= 0 && value <= 2_147_483_647) return value;
  throw new InvalidOptionError(option, 'a number of milliseconds from 0 to 2147483647', value);
}
