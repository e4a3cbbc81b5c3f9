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
import { INSPECT, type Inspect, inspected } from '../internal/legible.js';
import { flag, optionsObject } from '../internal/options.js';
import { quoted } from '../internal/quoted.js';
import { redact } from '../internal/redact.js';
import { type WarningDetails, Warnings } from '../internal/warnings.js';
import { withheldEvents } from '../internal/withheldEvents.js';
import type { ConnectionState, RegistryNode } from '../port/index.js';
import { Attempts } from './attempts.js';
import { BASE_64, type ConfigContent, PLAIN } from './configContent.js';
import { ConfigConflictError, type ExpectedVersion, OutcomeUnknownError } from './configErrors.js';
import type {
  ConfigCenter,
  ConfigCenterOptions,
  ConfigKeyOptions,
  ConfigWarning,
  GetConfigOptions,
  PublishConfigOptions,
  RemoveConfigOptions,
} from './configCenter.js';
import type { ConfigValue, PresentConfigValue } from './configValue.js';
import { drop, put, putIf, Refused } from './configWrites.js';
import { keysFeed } from './keysFeed.js';
import { type Held, sameHeld, valueFeed } from './valueFeed.js';

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
    const { namespace, base64 = false, dottedKeys = false, retry, timeoutMs } = optionsObject(options);
    this.#root = configRoot(namespace);
    this.#content = flag('base64', base64) ? BASE_64 : PLAIN;
    this.#dottedKeys = flag('dottedKeys', dottedKeys);
    // Refuses what is out of range now, not at the first fault.
    fullJitter(retry);
    this.#retrying = retry ? { retry } : {};
    this.#connection = new KeptConnection(backend, {
      name: 'configuration centre',
      area: 'config',
      timeoutMs,
      warn: ({ code, message, ...details }) => this.#warnings.tell(code, message, details),
    });
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
            onWithheld: () => {
              if (this.#warnings.isKnown(`withheld ${path}`)) return;
              this.#warn('WITHHELD_EVENTS', path, withheldEvents(path));
            },
            onUnfit: (name) => {
              if (this.#warnings.isKnown(`${path}/${name}`)) return;
              this.#warn('UNREADABLE_KEY', path, `Skipped ${quoted(name)}, which no key can be named.`);
            },
          }),
        );
      }),
    );
  }

  close(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    return (this.#closed ??= this.#connection.close(options.deadlineMs).finally(() => this.#warnings.end()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What logs may know. */
  toJSON(): { root: string; connection: string } {
    return { root: this.#root, connection: this.#connection.status };
  }

  toString(): string {
    return `ConfigCenter ${JSON.stringify(this)}`;
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return inspected('ConfigCenter', this.toJSON(), options, inspect);
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

function checkVersion(version: unknown, isFit: boolean): void {
  if (version === undefined || typeof version === 'bigint' || isFit) return;
  throw new InvalidOptionError('ifVersion', 'the version of a value, which is a bigint, or "absent"', version);
}
