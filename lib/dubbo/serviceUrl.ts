import { InvalidUrlError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import { isSecretName } from '../internal/redact.js';
import { OWN_PARAMETERS, ownHost, ownParameter, ownPort } from './ownParts.js';
import {
  CONTROL,
  PROTOCOL,
  splitHostPort,
  splitQuery,
  splitUrl,
  splitUserInfo,
  withoutLeadingSlashes,
} from './splitUrl.js';

/** Parameters by name, as a record or as a map; in a map, and in a record's own keys, `__proto__` is a name like others. */
export type ServiceUrlParameters<T = string> = Readonly<Record<string, T>> | ReadonlyMap<string, T>;

/** What a {@link ServiceUrl} is made of. */
export interface ServiceUrlParts {
  /** `dubbo`, `tri`, `consumer`, `override`… */
  readonly protocol: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** A name or an address; empty or absent when it is not known yet. */
  readonly host?: string | undefined;
  /** 1 to 65535; 0 is the same as none. */
  readonly port?: number | undefined;
  /** The path, by convention the interface name. */
  readonly path?: string | undefined;
  readonly parameters?: ServiceUrlParameters | undefined;
}

/** Changes to a {@link ServiceUrl}; a parameter that is `undefined` is removed, one that is not named stays. */
export interface ServiceUrlChanges extends Partial<Omit<ServiceUrlParts, 'parameters'>> {
  readonly parameters?: ServiceUrlParameters<string | undefined> | undefined;
}

/**
 * One service as Dubbo writes it, `protocol://[user[:password]@]host[:port][/path][?name=value&…]`: an immutable value.
 *
 * Nothing in it is percent-encoded or decoded: what you put in is what the other side reads. Parameters are sorted and their
 * values trimmed from the start, so that two URLs that Dubbo writes alike are equal. What cannot be written to a registry
 * at all, such as a value with `&` in it, is refused when it is written: see `toNodeName`.
 *
 * @example
 * ```ts
 * const url = ServiceUrl.parse('dubbo://10.0.0.1:20880/com.foo.Bar?version=1.0&group=g');
 * url.serviceKey; // 'g/com.foo.Bar:1.0'
 * url.with({ parameters: { weight: '200', group: undefined } }).toString();
 * // 'dubbo://10.0.0.1:20880/com.foo.Bar?version=1.0&weight=200'
 * ```
 */
export class ServiceUrl {
  // Visible to those who compare objects field by field: two URLs must never pass for equal for want of fields.
  private readonly parts: Parts;
  private readonly source: string | undefined;

  /** With a `source`, the name of a node, its own parts are read there and only the others in `parts` (see `ownParts`). */
  private constructor(parts: Parts, source?: string) {
    this.parts = parts;
    this.source = source;
    Object.freeze(this);
  }

  /** What the service speaks, or what kind of rule this is. */
  get protocol(): string {
    return this.parts.protocol;
  }

  /** Who logs in, if anybody does. */
  get username(): string | undefined {
    return this.parts.username;
  }

  /** The password of {@link ServiceUrl.username}. */
  get password(): string | undefined {
    return this.parts.password;
  }

  /** The host, an IPv6 address without brackets; empty when it is left to the registration. */
  get host(): string {
    return this.source === undefined ? this.parts.host : ownHost(this.source);
  }

  /** 1 to 65535; `undefined` when there is none. */
  get port(): number | undefined {
    return this.source === undefined ? this.parts.port : ownPort(this.source);
  }

  /** The path without leading slash. */
  get path(): string {
    return this.parts.path;
  }

  /**
   * All parameters as they are written, sorted by name as Java sorts strings. For a single one {@link ServiceUrl.parameter} is
   * quicker, and knows defaults.
   */
  get parameters(): ReadonlyMap<string, string> {
    const common = this.parts.parameters;
    if (this.source === undefined) return common;
    const { source } = this;
    const own = OWN_PARAMETERS.flatMap((name): [string, string][] => {
      const value = ownParameter(source, name);
      return value === undefined ? [] : [[name, value]];
    });
    return sortedParameters(new Map([...common, ...own]));
  }

  /**
   * Reads a service URL that a person or a program gave.
   *
   * White space around it is ignored, a repeated parameter counts with its last value, as in Java, and the host may be empty
   * (`dubbo://:20880/com.foo.Bar`): the registration fills it in.
   *
   * @param text - The URL; a `ServiceUrl` is returned as it is.
   * @returns The URL as a value.
   * @throws {@link InvalidUrlError} when it cannot be read; the message never shows a password.
   *
   * @example
   * ```ts
   * ServiceUrl.parse('tri://[fe80::1]:50051/com.foo.Bar?timeout=3000').host; // 'fe80::1'
   * ```
   */
  static parse(text: string | ServiceUrl): ServiceUrl {
    if (text instanceof ServiceUrl) return text;
    if (typeof text !== 'string') throw new InvalidUrlError(`Expected a service URL, got ${typeof text}.`);
    const refuse = (expected: string) => new InvalidUrlError(`Expected ${expected}, got ${quoted(text)}.`);
    const split = splitUrl(trimmed(text));
    if (!split) throw refuse('a service URL such as dubbo://host:port/interface');
    const address = splitHostPort(split.authority);
    if (!address) throw refuse('a service URL with host or host:port, the port from 1 to 65535');
    const { protocol, path } = split;
    if (CONTROL.test(address.host) || CONTROL.test(path)) throw refuse('a host and path without control characters');
    const parameters = new Map<string, string>();
    for (const [name, value] of splitQuery(split.query ?? '')) {
      if (name === '' || value === undefined) throw refuse('each parameter of the service URL to be name=value');
      parameters.set(name, value);
    }
    return ServiceUrl.#of({ protocol, ...splitUserInfo(split.userInfo ?? ''), ...address, path, parameters });
  }

  /**
   * Makes a service URL of its parts.
   *
   * @param parts - The parts, unencoded.
   * @returns The URL as a value.
   * @throws {@link InvalidUrlError} when the protocol or port is none, or when a part is not a string.
   *
   * @example
   * ```ts
   * ServiceUrl.from({ protocol: 'dubbo', host: '10.0.0.1', port: 20880, path: 'com.foo.Bar' });
   * ```
   */
  static from(parts: ServiceUrlParts): ServiceUrl {
    const { protocol, username, password, host, port, path } = parts;
    if (typeof protocol !== 'string' || !PROTOCOL.test(protocol)) {
      throw new InvalidUrlError(`Expected a protocol such as dubbo, got ${quoted(String(protocol))}.`);
    }
    for (const [part, value] of Object.entries({ username, password, host, path })) {
      if (value !== undefined && typeof value !== 'string') {
        throw new InvalidUrlError(`Expected the ${part} of a service URL to be a string, got ${typeof value}.`);
      }
    }
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
      throw new InvalidUrlError(
        `Expected the port of a service URL to be a whole number from 1 to 65535, got ${String(port)}.`,
      );
    }
    return ServiceUrl.#of({ ...parts, host: host?.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host });
  }

  /**
   * The service behind a node that says the same as `model` but for its own parts, which are in `source`, its name.
   *
   * @internal
   */
  static like(model: ServiceUrl, source: string): ServiceUrl {
    return new ServiceUrl(model.parts, source);
  }

  static #of(parts: ServiceUrlParts): ServiceUrl {
    const username = parts.username === '' ? undefined : parts.username;
    const parameters = sortedParameters(parts.parameters);
    return new ServiceUrl({
      protocol: parts.protocol,
      username,
      // Java writes a password only behind a user name.
      password: username === undefined || parts.password === '' ? undefined : parts.password,
      host: parts.host ?? '',
      port: parts.port === 0 ? undefined : parts.port,
      path: withoutLeadingSlashes(parts.path ?? ''),
      parameters,
      hasDefaults: hasDefaults(parameters),
    });
  }

  /** The interface that the service implements: the parameter of that name, or else the path, as in Java. */
  get interface(): string {
    return this.parameter('interface') || this.path;
  }

  /** The group that the service belongs to; absent and empty are different groups. */
  get group(): string | undefined {
    return this.parameter('group');
  }

  /** The version of the service; absent and empty are different versions. */
  get version(): string | undefined {
    return this.parameter('version');
  }

  /** `{group}/{interface}:{version}`, group and version only where there are any: Java's service key. */
  get serviceKey(): string {
    const { group, version } = this;
    return `${group ? `${group}/` : ''}${this.interface}${version ? `:${version}` : ''}`;
  }

  /** The directory it is kept in: the parameter of that name, or else what its protocol implies. */
  get category(): string {
    return this.parameter('category') || (CATEGORY_OF_PROTOCOL.get(this.protocol) ?? 'providers');
  }

  /** `host:port`, or the host alone; an IPv6 address stands in brackets. */
  get address(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return this.port === undefined ? host : `${host}:${this.port}`;
  }

  /**
   * The value of one parameter: its own, or else that of `default.<name>`.
   *
   * Providers of Dubbo 2.5 and 2.6 write what they are configured with for all their services with that prefix. What is read here
   * is read so everywhere: group and version, the instance's key, matching, weights.
   *
   * @param name - The parameter's name.
   * @returns Its value, trimmed, or `undefined` when there is none; an empty value is `''`.
   *
   * @example
   * ```ts
   * ServiceUrl.parse('dubbo://10.0.0.1:20880/com.foo.Bar?default.group=g&default.weight=7&weight=5').parameter('weight'); // '5'
   * ```
   */
  parameter(name: string): string | undefined {
    const written = this.#written(name);
    return written === undefined && this.parts.hasDefaults ? this.#written(`${DEFAULT_PREFIX}${name}`) : written;
  }

  #written(name: string): string | undefined {
    const common = this.parts.parameters.get(name);
    return common === undefined && this.source !== undefined ? ownParameter(this.source, name) : common;
  }

  /**
   * A copy with some parts changed.
   *
   * @param changes - The parts to replace; parameters are merged, and one that is `undefined` is removed with its default.
   * @returns A new URL.
   * @throws {@link InvalidUrlError} as {@link ServiceUrl.from} does.
   *
   * @example
   * ```ts
   * url.with({ host: '10.0.0.7', parameters: { disabled: undefined } });
   * ```
   */
  with(changes: ServiceUrlChanges): ServiceUrl {
    const parameters = new Map(this.parameters);
    for (const [name, value] of entriesOf(changes.parameters)) {
      if (value !== undefined) parameters.set(name, value);
      else for (const each of [name, `${DEFAULT_PREFIX}${name}`]) parameters.delete(each);
    }
    const { protocol, username, password, host, port, path } = this;
    return ServiceUrl.from({ protocol, username, password, host, port, path, ...changes, parameters });
  }

  /**
   * Whether the other URL has the same parts and parameters; the order in which they were given does not count.
   *
   * @param other - Any URL.
   */
  equals(other: ServiceUrl): boolean {
    if (this === other) return true;
    // Not by their text: a value that was read with a "&" in it would pass for two parameters.
    return sameAddress(this, other) && sameParameters(this.parameters, other.parameters);
  }

  /**
   * The canonical text with its secrets, as Java's method of this name: parameters sorted, values trimmed, nothing escaped.
   *
   * {@link ServiceUrl.parse} reads it back. Do not log it.
   */
  toFullString(): string {
    return canonical(this, false);
  }

  /**
   * The canonical text for logs, as Java's `URL.toString`: what {@link ServiceUrl.toFullString} says, with `***` for the user, the
   * password, and parameters that are called something like `password`, `token` or `secret`.
   */
  toString(): string {
    return canonical(this, true);
  }

  /** As {@link ServiceUrl.toString}: JSON is logged, too. */
  toJSON(): string {
    return this.toString();
  }

  /** What `console.log` shows: the text of {@link ServiceUrl.toString}. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `ServiceUrl ${quoted(this.toString(), Infinity)}`;
  }
}

interface Parts {
  readonly protocol: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Whether any parameter is a default of another: so rare that nobody else has to look. */
  readonly hasDefaults: boolean;
}

/** The prefix with which Dubbo 2.5 and 2.6 write what is configured for all services of a provider. */
export const DEFAULT_PREFIX = 'default.';

function hasDefaults(parameters: ReadonlyMap<string, string>): boolean {
  for (const name of parameters.keys()) if (name.startsWith(DEFAULT_PREFIX)) return true;
  return false;
}

const CATEGORY_OF_PROTOCOL: ReadonlyMap<string, string> = new Map([
  ['consumer', 'consumers'],
  ['override', 'configurators'],
  ['absent', 'configurators'],
  ['route', 'routers'],
  ['condition', 'routers'],
  ['script', 'routers'],
]);

function canonical(url: ServiceUrl, isForLogs: boolean): string {
  const password = url.password === undefined ? '' : `:${url.password}`;
  const user = url.username === undefined ? '' : `${isForLogs ? '***' : `${url.username}${password}`}@`;
  let text = `${url.protocol}://${user}${url.address}${url.path === '' ? '' : `/${url.path}`}`;
  let separator = '?';
  for (const [name, value] of url.parameters) {
    text += `${separator}${name}=${isForLogs && isSecretName(name) ? '***' : value}`;
    separator = '&';
  }
  return text;
}

/** Whether two URLs are equal but for their parameters. */
export function sameAddress(a: ServiceUrl, b: ServiceUrl): boolean {
  return (
    a.protocol === b.protocol &&
    a.host === b.host &&
    a.port === b.port &&
    a.path === b.path &&
    a.username === b.username &&
    a.password === b.password
  );
}

function sameParameters(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return true;
}

function sortedParameters(parameters: ServiceUrlParameters | undefined): ReadonlyMap<string, string> {
  const copy = new Map<string, string>();
  let last = '';
  let isSorted = true;
  for (const [name, value] of entriesOf(parameters)) {
    if (typeof value !== 'string') {
      throw new InvalidUrlError(`Expected parameter ${quoted(name)} to be a string, got ${typeof value}.`);
    }
    copy.set(name, trimmed(value));
    isSorted &&= last <= name;
    last = name;
  }
  // Mostly they are sorted: whatever is read from a registry, or changed by `with`.
  return isSorted ? copy : new Map([...copy].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function entriesOf<T>(parameters: ServiceUrlParameters<T> | undefined): Iterable<[string, T]> {
  if (parameters instanceof Map) return parameters as ReadonlyMap<string, T>;
  return Object.entries((parameters ?? {}) as Readonly<Record<string, T>>);
}

// Java trims what is not above the space, and nothing else; a pattern for the end would take quadratic time.
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 32) start++;
  while (end > start && text.charCodeAt(end - 1) <= 32) end--;
  return end - start === text.length ? text : text.slice(start, end);
}
