import { InvalidOptionError, InvalidUrlError } from '../errors.js';
import { LONGEST_MS, sessionTimeout, wholeNumber } from '../internal/options.js';
import { quoted } from '../internal/quoted.js';
import {
  ADDRESS_SCHEMES,
  type AddressScheme,
  backendParameters,
  isAddressScheme,
  whyUnknown,
} from './addressParameters.js';
import { CONTROL, splitHostPort, splitQuery, splitUrl, splitUserInfo } from './splitUrl.js';

/** One server of a registry. */
export interface RegistryHost {
  /** A name or an address, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The parts of a {@link RegistryAddress}. */
interface AddressParts {
  /** What the registry is kept on. */
  readonly protocol: AddressScheme;
  /** The servers in the order given, at least one; none for `memory`. */
  readonly hosts: readonly RegistryHost[];
  /** What tells one registry in memory from another; only for `memory`, and `''` where the address names none. */
  readonly name: string | undefined;
  /** The path under which everything lies on the servers (a chroot): `''`, or with a leading and no trailing slash. */
  readonly path: string;
  readonly username: string | undefined;
  /** The directory of the registry: see {@link rootPath}. */
  readonly group: string | undefined;
  /** What a configuration centre keeps its values below: see {@link configRoot}. */
  readonly namespace: string | undefined;
  /** Whether the values of a configuration centre are in base64. */
  readonly base64: boolean | undefined;
  /** How long to wait for a connection. */
  readonly timeoutMs: number | undefined;
  /** How long the servers keep what is ours after we went silent. */
  readonly sessionTimeoutMs: number | undefined;
}

/** What of an address must not be shown. */
interface AddressSecrets {
  readonly password: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Where a registry is and how to talk to it, read from one line of text. */
export interface RegistryAddress extends AddressParts {
  readonly password: string | undefined;
  /** What the backend reads besides, for itself alone: see `addressParameters.ts`. One of them may be a private key. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Keeps the secrets of an address where nobody finds them who prints it. */
class ParsedAddress {
  readonly #secrets: AddressSecrets;

  private constructor(secrets: AddressSecrets) {
    this.#secrets = secrets;
  }

  static of(parts: AddressParts, secrets: AddressSecrets): RegistryAddress {
    return Object.assign(new ParsedAddress(secrets), parts);
  }

  get password(): string | undefined {
    return this.#secrets.password;
  }

  get parameters(): ReadonlyMap<string, string> {
    return this.#secrets.parameters;
  }
}

/**
 * Reads the address of a registry: `protocol://[user:password@]host[:port][,host[:port]…][/path][?name=value&…]`.
 *
 * `backup` adds servers as in Dubbo; `group`, `timeout` and `session` (both in milliseconds), `namespace` and `base64` become fields. User, password
 * and parameters may be percent-encoded. Ports default to 2181 for `zookeeper` and 2379 for `etcd`. The path that Java
 * appends to every registry address, `org.apache.dubbo.registry.RegistryService`, is not taken for a chroot. A parameter that
 * nobody would read is refused, but for those of Dubbo that mean nothing here.
 *
 * @param text - The address.
 * @param reader - What it is for: a registry or configuration center, or a backend alone, which reads less of it.
 * @returns Its parts.
 * @throws {@link InvalidUrlError} when it cannot be read, or has a parameter that nobody reads; the message never shows the
 * password or the value of a parameter that is not known.
 * @throws {@link InvalidOptionError} when the value of a parameter is out of range.
 *
 * @example
 * ```ts
 * parseRegistryAddress('zookeeper://10.0.0.1:2181?backup=10.0.0.2:2181&session=10000').hosts.length; // 2
 * ```
 */
export function parseRegistryAddress(text: string, reader: 'registry' | 'backend' = 'registry'): RegistryAddress {
  if (typeof text !== 'string') throw new InvalidUrlError(`Expected a registry address, got ${typeof text}.`);
  const refuse = (expected: string) => new InvalidUrlError(`Expected ${expected}, got ${quoted(text)}.`);
  if (/[;|]/.test(text)) {
    throw refuse('one registry address (several, separated by ";" or "|", are not supported: make a registry of each)');
  }
  const split = splitUrl(text.trim());
  if (!split) throw refuse('a registry address such as zookeeper://host:2181');
  if (CONTROL.test(text)) throw refuse('a registry address without control characters');
  const decoded = (part: string) => decode(part, () => refuse('two hex digits after each "%" of the registry address'));

  const protocol = split.protocol.toLowerCase();
  if (!isAddressScheme(protocol)) {
    throw refuse(`an address that begins with ${SCHEMES} (encryption is the parameter tls=true)`);
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of splitQuery(split.query ?? '')) {
    if (name === '' || value === undefined) throw refuse('each parameter of the registry address to be name=value');
    parameters.set(decoded(name), decoded(value));
  }
  for (const [name, value] of parameters) {
    const why = whyUnknown(protocol, reader, name, value);
    if (why !== undefined) {
      // Not the value: of a parameter that is not known, it may be a secret.
      throw new InvalidUrlError(
        `Expected parameters that are read, got ${quoted(name)} in a ${protocol}:// address, ${why}`,
      );
    }
  }
  const take = (name: string) => {
    const value = parameters.get(name);
    parameters.delete(name);
    return value === '' ? undefined : value;
  };

  const { username, password } = splitUserInfo(split.userInfo ?? '');
  if (username === '' && password) throw refuse('a user name before the password of the registry address');
  const path = pathOf(split.path);
  if (path === undefined) throw refuse('a path without empty, "." and ".." segments in the registry address');
  const backup = take('backup');
  const isMemory = protocol === 'memory';
  // There is nobody to log in at, and nothing below which everything could lie.
  if (isMemory && (/[,:[\]]/.test(split.authority) || split.userInfo !== undefined || path !== '')) {
    throw refuse('memory:// or memory://name');
  }

  const parts: AddressParts = {
    protocol,
    hosts: isMemory ? [] : readHosts(protocol, [split.authority, ...(backup === undefined ? [] : [backup])], refuse),
    name: isMemory ? split.authority : undefined,
    path,
    username: username === '' ? undefined : decoded(username),
    group: take('group'),
    namespace: take('namespace'),
    base64: truth('base64', take('base64')),
    timeoutMs: timeout(take('timeout')),
    sessionTimeoutMs: session(take('session')),
  };
  return ParsedAddress.of(parts, {
    password: password === undefined || password === '' ? undefined : decoded(password),
    parameters: ofBackend(protocol, parameters),
  });
}

const SCHEMES = ADDRESS_SCHEMES.map((scheme) => `${scheme}://`)
  .join(', ')
  .replace(/, (?=\w+:\/\/$)/, ' or ');

const DEFAULT_PORTS: Readonly<Record<AddressScheme, number>> = { zookeeper: 2181, etcd: 2379, memory: 0 };

const PATHS_OF_JAVA: readonly string[] = [
  'org.apache.dubbo.registry.RegistryService',
  'com.alibaba.dubbo.registry.RegistryService',
];

function readHosts(
  protocol: AddressScheme,
  lists: string[],
  refuse: (expected: string) => Error,
): readonly RegistryHost[] {
  return lists
    .flatMap((list) => list.split(','))
    .map((text) => {
      const address = splitHostPort(text.trim());
      if (!address || address.host === '' || /\s/.test(address.host)) {
        throw refuse('each server of the registry address to be host or host:port, the port from 1 to 65535');
      }
      return { host: address.host, port: address.port ?? DEFAULT_PORTS[protocol] };
    });
}

function pathOf(path: string): string | undefined {
  const inner = path.endsWith('/') ? path.slice(0, -1) : path;
  if (inner === '' || PATHS_OF_JAVA.includes(inner)) return '';
  const unfit = (segment: string) => segment === '' || segment === '.' || segment === '..';
  return inner.split('/').some(unfit) ? undefined : `/${inner}`;
}

function timeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return wholeNumber(
    'timeout',
    numberIn(text),
    1,
    LONGEST_MS,
    `a whole number of milliseconds from 1 to ${LONGEST_MS}`,
  );
}

function session(text: string | undefined): number | undefined {
  return text === undefined ? undefined : sessionTimeout('session', numberIn(text));
}

/** The number that a text is, or the text itself, to be shown. */
function numberIn(text: string): number | string {
  return /^\d{1,10}$/.test(text) ? Number(text) : text;
}

/** The parameters that are for the backend, checked as far as they can be without it. */
function ofBackend(protocol: AddressScheme, parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const own = new Map([...parameters].filter(([name]) => backendParameters(protocol).includes(name)));
  truth('tls', own.get('tls'));
  for (const [name, value] of own) {
    if (value === '') throw new InvalidOptionError(name, 'given, or left out', value);
  }
  return own;
}

function truth(option: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidOptionError(option, '"true" or "false"', text);
}

// Not by form rules: in an address `+` is a plus.
function decode(text: string, refusal: () => Error): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal();
  }
}
