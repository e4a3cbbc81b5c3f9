import type { Observable } from 'rxjs';
import type { BackoffOptions, CallOptions } from '../connection/index.js';
import type { BackendWarning, ConnectionState } from '../port/index.js';
import type { ConfigSource } from './configSource.js';
import type { ConfigValue, PresentConfigValue } from './configValue.js';

/** How a configuration centre keeps its values. */
export interface ConfigCenterOptions {
  /** The directory above all: values are kept below `/<namespace>/config`. @defaultValue `dubbo` */
  readonly namespace?: string | undefined;
  /** Whether contents are written and read in base64, as dubbo-go does when told so. @defaultValue `false` */
  readonly base64?: boolean | undefined;
  /**
   * Whether a key that is asked for without a group, and holds nothing, is also looked for where dubbo-go 1.3 kept it:
   * `a.b.Svc.configurators` in `<namespace>/config/a.b.Svc/configurators`. That is read only; what is published goes
   * where everybody looks today. @defaultValue `false`
   */
  readonly dottedKeys?: boolean | undefined;
  /** How long calls wait, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number | undefined;
  /** The waits after an operation that failed while connected. */
  readonly retry?: BackoffOptions | undefined;
}

/** How a key is found. */
export interface ConfigKeyOptions {
  /** The group that the key belongs to. @defaultValue `dubbo` */
  readonly group?: string | undefined;
}

/** How a value is read. */
export interface GetConfigOptions extends ConfigKeyOptions, CallOptions {}

/** How a value is published. */
export interface PublishConfigOptions extends ConfigKeyOptions, CallOptions {
  /**
   * Publishes only if the key has this version, or `'absent'`: if it holds no value. `undefined` is no condition, so for
   * whatever was read it is `ifVersion: value.version ?? 'absent'`. @defaultValue whatever it holds
   */
  readonly ifVersion?: bigint | 'absent' | undefined;
}

/** How a value is removed. */
export interface RemoveConfigOptions extends ConfigKeyOptions, CallOptions {
  /** Removes only if the key has this version. @defaultValue whatever it holds */
  readonly ifVersion?: bigint | undefined;
}

/** Something that went wrong and was got around: nothing stops because of it, but somebody should know. */
export interface ConfigWarning {
  /** What it is. */
  readonly code:
    'UNREADABLE_VALUE' | 'UNREADABLE_GROUP' | 'UNREADABLE_KEY' | 'WITHHELD_EVENTS' | BackendWarning['code'];
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
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}
