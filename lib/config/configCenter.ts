import { catchError, combineLatest, defer, distinctUntilChanged, map, type Observable, throwError } from 'rxjs';
import {
  type BackoffOptions,
  type CallOptions,
  fullJitter,
  KeptConnection,
  type SharedBackend,
} from '../connection/index.js';
import { configGroupPath, configPath, configRoot, DEFAULT_CONFIG_GROUP, dottedConfigPath } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { type Kept, kept } from '../internal/kept.js';
import { quoted } from '../internal/quoted.js';
import { redact } from '../internal/redact.js';
import { type WarningDetails, Warnings } from '../internal/warnings.js';
import type { ConnectionState, RegistryNode } from '../port/index.js';
import { Attempts } from './attempts.js';
import { BASE_64, type ConfigContent, PLAIN } from './configContent.js';
import { ConfigConflictError, type ExpectedVersion, OutcomeUnknownError } from './configErrors.js';
import type { ConfigSource } from './configSource.js';
import type { ConfigValue, PresentConfigValue } from './configValue.js';
import { drop, put, putIf, Refused } from './configWrites.js';
import { keysFeed } from './keysFeed.js';
import { type Held, sameHeld, valueFeed } from './valueFeed.js';

/** How a configuration centre keeps its values. */
export interface ConfigCenterOptions {
  /** The directory above all: values are kept below `/<namespace>/config`. @defaultValue `dubbo` */
  readonly namespace?: string;
  /** Whether contents are written and read in base64, as dubbo-go does when told so. @defaultValue `false` */
  readonly base64?: boolean;
  /**
   * Whether a key that is asked for without a group, and holds nothing, is also looked for where dubbo-go 1.3 kept it:
   * `a.b.Svc.configurators` in `<namespace>/config/a.b.Svc/configurators`. That is read only; what is published goes
   * where everybody looks today. @defaultValue `false`
   */
  readonly dottedKeys?: boolean;
  /** How long calls wait, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /** The waits after an operation that failed while connected. */
  readonly retry?: BackoffOptions;
}

/** How a key is found. */
export interface ConfigKeyOptions {
  /** The group that the key belongs to. @defaultValue `dubbo` */
  readonly group?: string;
}

/** How a value is read. */
export interface GetConfigOptions extends ConfigKeyOptions, CallOptions {}

/** How a value is published. */
export interface PublishConfigOptions extends ConfigKeyOptions, CallOptions {
  /**
   * Publishes only if the key has this version, or `'absent'`: if it holds no value. `undefined` is no condition, so for
   * whatever was read it is `ifVersion: value.version ?? 'absent'`. @defaultValue whatever it holds
   */
  readonly ifVersion?: bigint | 'absent';
}

/** How a value is removed. */
export interface RemoveConfigOptions extends ConfigKeyOptions, CallOptions {
  /** Removes only if the key has this version. @defaultValue whatever it holds */
  readonly ifVersion?: bigint;
}

/** Something that went wrong and was got around: nothing stops because of it, but somebody should know. */
export interface ConfigWarning {
  /** What it is. */
  readonly code: 'UNREADABLE_VALUE' | 'UNREADABLE_GROUP' | 'UNREADABLE_KEY';
  readonly message: string;
  /** How often this configuration centre has given a warning of that code, this one included. */
  readonly count: number;
  /** Where. */
  readonly path?: string;
  readonly cause?: unknown;
}

/**
 * A configuration centre: values by key, each followed as it changes.
 *
 * It connects at first use and stays connected until {@link ConfigCenter.close}. Values lie in
 * `/<namespace>/config/<group>/<key>`, where Java Dubbo and dubbo-go look for them. Keys and groups are names of at most
 * 1,024 bytes without `/` and control characters; anything else is an `InvalidOptionError` before anything is sent.
 */
export interface ConfigCenter extends ConfigSource, AsyncDisposable {
  /**
   * The state of the connection. Hot; replays the present state. Completes after `closed`; errors with
   * `NOT_AUTHORIZED` if the server refuses us for good. Unsubscribing does not disconnect.
   */
  readonly states: Observable<ConnectionState>;

  /** What went wrong and was got around. Hot; replays nothing; never errors. */
  readonly warnings: Observable<ConfigWarning>;

  /**
   * Tells what a key holds, and then every change.
   *
   * ```text
   *  connection         --c---------s------c-----    c: connected, s: suspended
   *  at the server      1    2    -     3    4       -: removed
   *  watch(key)         --1--2----a--------3-4---    a: absent
   * ```
   *
   * Cold, but all who watch a key share one watch on the server; who comes late is told the present value at once, and the last
   * who leaves releases it. A key that is not there is absent, and watched for its coming. An outage tells nothing: what differs
   * after it is told then. No value is told twice in a row, and versions rise, unless the server's data was wiped or replaced by
   * a backup. While connected, etcd and the embedded registry tell every version; ZooKeeper may leave out one that is
   * followed by another at once. A content that cannot be read is a warning, and the last one that could be stays.
   *
   * Completes when the configuration centre is closed. Errors with `InvalidOptionError`, or with `NOT_AUTHORIZED` before
   * anything was told; never for a passing fault.
   *
   * @example
   * ```ts
   * config.watch('user-service.properties', { group: 'acme' }).subscribe((value) => {
   *   console.log(value.present ? value.content : 'nothing configured');
   * });
   * ```
   */
  watch(key: string, options?: ConfigKeyOptions): Observable<ConfigValue>;

  /**
   * What a key holds now; that it holds nothing is an answer too.
   *
   * On ZooKeeper it is read from the server that we are connected to, which may be a moment behind the others.
   *
   * Rejects with `InvalidOptionError`, `UNREADABLE_VALUE`, `NOT_AUTHORIZED`, `TIMEOUT`, or the signal's reason.
   */
  get(key: string, options?: GetConfigOptions): Promise<ConfigValue>;

  /**
   * Publishes a value; resolves with it once the server has acknowledged that.
   *
   * With `ifVersion` it is a compare-and-set: of any number who publish on one version, one succeeds, and the others reject with
   * {@link ConfigConflictError}, which carries what the key holds instead. An answer that is lost with the connection is asked
   * for again. If then the key has yet another version, nobody can tell whether ours came before it, nor on a key that shall be
   * absent whether ours was removed: that rejects with {@link OutcomeUnknownError}, never with a guess. Without `ifVersion`, a lost answer may have the content published twice.
   *
   * Rejects with `InvalidOptionError`; with `TOO_LARGE`, which names the limit, for what the server would not take; with
   * `NOT_AUTHORIZED`, `TIMEOUT`, or the signal's reason. What was under way when time ran out may have been carried out.
   *
   * @example
   * ```ts
   * const current = await config.get('limits.json');
   * const next = JSON.stringify({ ...JSON.parse(current.content ?? '{}'), perSecond: 50 });
   * await config.publish('limits.json', next, { ifVersion: current.version ?? 'absent' });
   * ```
   */
  publish(key: string, content: string, options?: PublishConfigOptions): Promise<PresentConfigValue>;

  /**
   * Removes a value; resolves once the key holds none, also when it held none before.
   *
   * With `ifVersion`, a key that holds another version, or nothing, rejects with {@link ConfigConflictError}; a lost answer is
   * treated, and everything else rejected, as in {@link ConfigCenter.publish}.
   */
  remove(key: string, options?: RemoveConfigOptions): Promise<void>;

  /**
   * Which keys a group has, as complete sets: the present one, and one more for every change.
   *
   * It promises what {@link ConfigCenter.watch} does. A group that is not there has no keys.
   *
   * @param group - `dubbo` by default.
   */
  keys(group?: string): Observable<ReadonlySet<string>>;

  /**
   * Ends every stream, and the session if nobody else uses it.
   *
   * Resolves when that is acknowledged, at the latest after `deadlineMs` (5000 by default), in every state. Never
   * rejects; again and again is the same.
   *
   * @throws InvalidOptionError if `deadlineMs` is not a number of milliseconds.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

/** A configuration centre on a connection; see `createConfigCenter`. */
export function configCenterOn(backend: SharedBackend, options: ConfigCenterOptions = {}): ConfigCenter {
  return new BackendConfigCenter(backend, options);
}

/** One key as it was asked for. */
interface Place {
  readonly key: string;
  readonly group: string;
  readonly path: string;
  /** Where else it is looked for. */
  readonly dottedPath: string | undefined;
}

class BackendConfigCenter implements ConfigCenter {
  readonly states: Observable<ConnectionState>;
  readonly warnings: Observable<ConfigWarning>;
  readonly #connection: KeptConnection;
  readonly #root: string;
  readonly #content: ConfigContent;
  readonly #dottedKeys: boolean;
  readonly #retrying: { readonly retry?: BackoffOptions };
  readonly #warnings = new Warnings<ConfigWarning['code']>('config');
  readonly #values = new Map<string, Kept<Held>>();
  readonly #groups = new Map<string, Kept<ReadonlySet<string>>>();
  #closed: Promise<void> | undefined;

  constructor(backend: SharedBackend, options: ConfigCenterOptions) {
    const { namespace, base64 = false, dottedKeys = false, retry, timeoutMs } = options;
    this.#root = configRoot(namespace);
    this.#content = flag('base64', base64) ? BASE_64 : PLAIN;
    this.#dottedKeys = flag('dottedKeys', dottedKeys);
    // Refuses what is out of range now, not at the first fault.
    fullJitter(retry);
    this.#retrying = retry ? { retry } : {};
    this.#connection = new KeptConnection(backend, { name: 'configuration centre', area: 'config', timeoutMs });
    this.states = this.#connection.states;
    this.warnings = this.#warnings.all;
  }

  watch(key: string, options: ConfigKeyOptions = {}): Observable<ConfigValue> {
    return this.#connection.whileOpen(
      defer(() => {
        const place = this.#place(key, options.group);
        return this.#held(place).pipe(map((held) => toValue(place, held)));
      }),
    );
  }

  async get(key: string, options: GetConfigOptions = {}): Promise<ConfigValue> {
    const place = this.#place(key, options.group);
    return this.#ask(options, `${quoted(key)} to be read`, (attempts) =>
      attempts.until(this.states, (session) => {
        const read = (path: string): Observable<Held> => session.read(path).pipe(map((node) => this.#decode(node)));
        const { path, dottedPath } = place;
        const held =
          dottedPath === undefined ? read(path) : combineLatest([read(path), read(dottedPath)]).pipe(map(first));
        return held.pipe(map((each) => toValue(place, each)));
      }),
    );
  }

  async publish(key: string, content: string, options: PublishConfigOptions = {}): Promise<PresentConfigValue> {
    const place = this.#place(key, options.group);
    const data = this.#content.encode(content);
    const { ifVersion } = options;
    checkVersion(ifVersion, ifVersion === 'absent');
    return this.#ask(options, `${quoted(key)} to be published`, (attempts) =>
      attempts
        .until(this.states, (session) =>
          ifVersion === undefined
            ? put(session, place.path, data, attempts)
            : putIf(session, place.path, data, ifVersion, attempts),
        )
        .pipe(
          this.#orSayWhy(place, ifVersion),
          map(({ version }) => ({ present: true, key, group: place.group, content, version })),
        ),
    );
  }

  async remove(key: string, options: RemoveConfigOptions = {}): Promise<void> {
    const place = this.#place(key, options.group);
    const { ifVersion } = options;
    checkVersion(ifVersion, false);
    return this.#ask(options, `${quoted(key)} to be removed`, (attempts) =>
      attempts
        .until(this.states, (session) => drop(session, place.path, ifVersion, attempts))
        .pipe(this.#orSayWhy(place, ifVersion)),
    );
  }

  keys(group?: string): Observable<ReadonlySet<string>> {
    return this.#connection.whileOpen(
      defer(() => {
        const path = configGroupPath(this.#root, group);
        return kept(this.#groups, path, () =>
          keysFeed(path, this.states, {
            ...this.#feedOptions('UNREADABLE_GROUP'),
            onUnfit: (name) => {
              if (this.#warnings.isKnown(`${path}/${name}`)) return;
              this.#warn('UNREADABLE_KEY', path, `Skipped ${quoted(name)}, which no key can be named.`);
            },
          }),
        );
      }),
    );
  }

  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    return (this.#closed ??= this.#connection.close(options.deadlineMs).finally(() => this.#warnings.end()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #place(key: string, group: string | undefined): Place {
    const path = configPath(this.#root, group, key);
    const dottedPath = this.#dottedKeys && group === undefined ? dottedConfigPath(this.#root, key) : undefined;
    return { key, group: group ?? DEFAULT_CONFIG_GROUP, path, dottedPath };
  }

  #held({ path, dottedPath }: Place): Observable<Held> {
    if (dottedPath === undefined) return this.#heldAt(path);
    return combineLatest([this.#heldAt(path), this.#heldAt(dottedPath)]).pipe(
      map(first),
      distinctUntilChanged(sameHeld),
    );
  }

  /** One watch for each node, however many follow it. */
  #heldAt(path: string): Observable<Held> {
    return kept(this.#values, path, () =>
      valueFeed(path, this.states, {
        ...this.#feedOptions('UNREADABLE_VALUE'),
        decode: (data) => this.#content.decode(data),
        onUnreadable: ({ version }, error) => {
          if (this.#warnings.isKnown(`${path}@${version}`)) return;
          this.#warn('UNREADABLE_VALUE', path, `What ${quoted(path)} held before stays: ${messageOf(error)}`, error);
        },
      }),
    );
  }

  #feedOptions(code: ConfigWarning['code']) {
    return {
      ...this.#retrying,
      scheduler: this.#connection.scheduler,
      onRefused: (path: string, error: unknown) => {
        if (this.#warnings.isKnown(path)) return;
        this.#warn(
          code,
          path,
          `What is known of ${quoted(path)} stays until it can be read: ${messageOf(error)}`,
          error,
        );
      },
    };
  }

  #ask<T>(options: CallOptions, what: string, work: (attempts: Attempts) => Observable<T>): Promise<T> {
    const attempts = new Attempts({ ...this.#retrying, scheduler: this.#connection.scheduler });
    return this.#connection.settle(work(attempts), what, options, () => attempts.lastFailure);
  }

  #decode(node: RegistryNode | undefined): Held {
    return node && { content: this.#content.decode(node.data), version: node.version };
  }

  /** For an error, as well as it can be read: what matters there is the version. */
  #shown(node: RegistryNode | undefined): Held {
    try {
      return this.#decode(node);
    } catch {
      return node && { content: new TextDecoder().decode(node.data), version: node.version };
    }
  }

  #orSayWhy(place: Place, ifVersion: ExpectedVersion | undefined) {
    return <T>(source: Observable<T>): Observable<T> =>
      source.pipe(
        catchError((error: unknown) => {
          if (!(error instanceof Refused)) return throwError(() => error);
          const current = toValue(place, this.#shown(error.node));
          const Why = error.inDoubt ? OutcomeUnknownError : ConfigConflictError;
          return throwError(() => new Why(current, ifVersion!));
        }),
      );
  }

  #warn(code: ConfigWarning['code'], path: string, message: string, cause?: unknown): void {
    const details: WarningDetails = { path: redact(path), ...(cause !== undefined && { cause }) };
    this.#warnings.tell(code, message, details);
  }
}

function toValue({ key, group }: Place, held: Held): ConfigValue {
  return held
    ? { present: true, key, group, ...held }
    : { present: false, key, group, content: undefined, version: undefined };
}

function first(places: readonly Held[]): Held {
  return places.find((held) => held !== undefined);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// Plain JavaScript may hand in anything.
function flag(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new InvalidOptionError(option, 'true or false', value);
}

function checkVersion(version: unknown, isFit: boolean): void {
  if (version === undefined || typeof version === 'bigint' || isFit) return;
  throw new InvalidOptionError('ifVersion', 'the version of a value, which is a bigint, or "absent"', version);
}
