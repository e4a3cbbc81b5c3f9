import { InvalidOptionError, InvalidUrlError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import { CONTROL, splitHostPort, splitQuery, splitUrl, splitUserInfo } from './splitUrl.js';

/** One server of a registry. */
export interface RegistryHost {
  /** A name or an address, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Where a registry is and how to talk to it, read from one line of text. */
export interface RegistryAddress {
  /** `zookeeper`, `etcd` or `memory`; always lower-case. */
  readonly protocol: string;
  /** The servers in the order given, at least one; none for `memory`. */
  readonly hosts: readonly RegistryHost[];
  /** What tells one registry in memory from another; only for `memory`, and `''` where the address names none. */
  readonly name: string | undefined;
  /** The path under which everything lies on the servers (a chroot): `''`, or with a leading and no trailing slash. */
  readonly path: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
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
  /** All other parameters, for the backend. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads the address of a registry: `protocol://[user:password@]host[:port][,host[:port]…][/path][?name=value&…]`.
 *
 * `backup` adds servers as in Dubbo; `group`, `timeout` and `session` (both in milliseconds), `namespace` and `base64` become fields. User, password
 * and parameters may be percent-encoded. Ports default to 2181 for `zookeeper` and 2379 for `etcd`. The path that Java
 * appends to every registry address, `org.apache.dubbo.registry.RegistryService`, is not taken for a chroot.
 *
 * @param text - The address.
 * @returns Its parts.
 * @throws {@link InvalidUrlError} when it cannot be read; the message never shows the password.
 * @throws {@link InvalidOptionError} when `timeout` or `session` is not a number of milliseconds, or `base64` neither
 * true nor false.
 *
 * @example
 * ```ts
 * parseRegistryAddress('zookeeper://10.0.0.1:2181?backup=10.0.0.2:2181&session=10000').hosts.length; // 2
 * ```
 */
export function parseRegistryAddress(text: string): RegistryAddress {
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
  const parameters = new Map<string, string>();
  for (const [name, value] of splitQuery(split.query ?? '')) {
    if (name === '' || value === undefined) throw refuse('each parameter of the registry address to be name=value');
    parameters.set(decoded(name), decoded(value));
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
  if (isMemory && (/[,:[\]]/.test(split.authority) || backup !== undefined)) throw refuse('memory:// or memory://name');

  return {
    protocol,
    hosts: isMemory ? [] : readHosts(protocol, [split.authority, ...(backup === undefined ? [] : [backup])], refuse),
    name: isMemory ? split.authority : undefined,
    path,
    username: username === '' ? undefined : decoded(username),
    password: password === undefined || password === '' ? undefined : decoded(password),
    group: take('group'),
    namespace: take('namespace'),
    base64: truth('base64', take('base64')),
    timeoutMs: milliseconds('timeout', take('timeout')),
    sessionTimeoutMs: milliseconds('session', take('session')),
    parameters,
  };
}

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['zookeeper', 2181],
  ['etcd', 2379],
]);

/** The longest delay that a timer can have. */
const MAX_MILLISECONDS = 2_147_483_647;

const PATHS_OF_JAVA: readonly string[] = [
  'org.apache.dubbo.registry.RegistryService',
  'com.alibaba.dubbo.registry.RegistryService',
];

function readHosts(protocol: string, lists: string[], refuse: (expected: string) => Error): readonly RegistryHost[] {
  return lists
    .flatMap((list) => list.split(','))
    .map((text) => {
      const address = splitHostPort(text.trim());
      if (!address || address.host === '' || /\s/.test(address.host)) {
        throw refuse('each server of the registry address to be host or host:port, the port from 1 to 65535');
      }
      const port = address.port ?? DEFAULT_PORTS.get(protocol);
      if (port === undefined) throw refuse('a port for each server of the registry address');
      return { host: address.host, port };
    });
}

function pathOf(path: string): string | undefined {
  const inner = path.endsWith('/') ? path.slice(0, -1) : path;
  if (inner === '' || PATHS_OF_JAVA.includes(inner)) return '';
  const unfit = (segment: string) => segment === '' || segment === '.' || segment === '..';
  return inner.split('/').some(unfit) ? undefined : `/${inner}`;
}

function milliseconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_MILLISECONDS) return value;
  throw new InvalidOptionError(option, `a whole number of milliseconds from 1 to ${MAX_MILLISECONDS}`, text);
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
