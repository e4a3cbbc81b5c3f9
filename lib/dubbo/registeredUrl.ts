import { InvalidOptionError, InvalidUrlError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import { DEFAULT_PREFIX, type ServiceUrl, type ServiceUrlChanges } from './serviceUrl.js';

/** What a process knows about itself and adds to what it registers. */
export interface RegistrationFacts {
  readonly pid: number;
  /** Milliseconds since 1970, as Java writes them. */
  readonly timestampMs: number;
  /** Name and version of the library, as in `rx-registry-0.1.0`. */
  readonly release: string;
  /** The address under which others reach this host; only asked for when it is needed. */
  readonly localAddress: () => string;
  readonly env: {
    /** The host to register instead of the URL's, as behind a NAT or in a container. */
    readonly DUBBO_IP_TO_REGISTRY?: string | undefined;
    /** The port to register instead of a provider's. */
    readonly DUBBO_PORT_TO_REGISTRY?: string | undefined;
  };
}

/**
 * The URL that is written to the registry for the one that a caller gave.
 *
 * It adds `pid`, `timestamp`, `side`, `release`, `category` and `interface` where the caller left them out: dubbo-go ignores
 * nodes without `interface`. A missing or wildcard host becomes the local address. The environment wins over the URL:
 * `DUBBO_IP_TO_REGISTRY`, and for providers `DUBBO_PORT_TO_REGISTRY`. A provider's URL loses what is nobody else's business,
 * as in Java: parameters that start with `.` or `triple.`, and settings of its process such as `qos.port` and `threads`.
 * Rules (`configurators`, `routers`) only get their `category`: their host is a pattern, not a place.
 *
 * It is pure: the same URL and facts make the same node.
 *
 * @param url - What the caller wants to register.
 * @param facts - What the process knows about itself.
 * @returns What to register.
 * @throws {@link InvalidUrlError} when the URL names no interface.
 * @throws {@link InvalidOptionError} naming the environment variable that cannot be used.
 *
 * @example
 * ```ts
 * toRegisteredUrl(ServiceUrl.parse('tri://:50051/com.foo.Bar'), facts).toString();
 * // 'tri://10.0.0.1:50051/com.foo.Bar?category=providers&interface=com.foo.Bar&pid=…&release=…&side=provider&timestamp=…'
 * ```
 */
export function toRegisteredUrl(url: ServiceUrl, facts: RegistrationFacts): ServiceUrl {
  if (url.interface === '') {
    throw new InvalidUrlError(`Expected a URL that names an interface, got ${quoted(url.toString())}.`);
  }
  const { category } = url;
  if (category === 'configurators' || category === 'routers') return url.with({ parameters: { category } });
  const isConsumer = url.protocol === 'consumer';
  return url.with({
    ...addressOf(url, facts, isConsumer),
    parameters: new Map([
      ...(isConsumer ? [] : hiddenOf(url)),
      ...missingFrom(url, {
        category,
        interface: url.interface,
        pid: String(facts.pid),
        release: facts.release,
        side: isConsumer ? 'consumer' : 'provider',
        timestamp: String(facts.timestampMs),
      }),
    ]),
  });
}

// Java's list but for `pid`, which every other implementation writes and people look for.
const HIDDEN: ReadonlySet<string> = new Set([
  'alive',
  'anyhost',
  'background',
  'bind.ip',
  'bind.port',
  'corethreads',
  'executor-management-mode',
  'file-cache',
  'interfaces',
  'monitor',
  'qos.accept.foreign.ip',
  'qos.enable',
  'qos.host',
  'qos.port',
  'queues',
  'register-mode',
  'threadname',
  'threadpool',
  'threads',
  'validation',
]);

const WILDCARD_HOSTS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::', '*']);

function hiddenOf(url: ServiceUrl): [string, undefined][] {
  return [...url.parameters.keys()].filter(isHidden).map((name) => [name, undefined]);
}

function isHidden(name: string): boolean {
  const plain = name.startsWith(DEFAULT_PREFIX) ? name.slice(DEFAULT_PREFIX.length) : name;
  return plain.startsWith('.') || plain.startsWith('triple.') || HIDDEN.has(plain);
}

function missingFrom(url: ServiceUrl, facts: Record<string, string>): [string, string][] {
  const { parameters } = url;
  // An empty value says nothing: Java and Go both read it as a missing one. Go knows no defaults.
  return Object.entries(facts).filter(([name]) => !parameters.get(name));
}

function addressOf(url: ServiceUrl, facts: RegistrationFacts, isConsumer: boolean): ServiceUrlChanges {
  const host = hostFrom(facts.env.DUBBO_IP_TO_REGISTRY) ?? url.host;
  const port = isConsumer ? undefined : portFrom(facts.env.DUBBO_PORT_TO_REGISTRY);
  return { host: WILDCARD_HOSTS.has(host) ? facts.localAddress() : host, port: port ?? url.port };
}

function hostFrom(value: string | undefined): string | undefined {
  if (!value) return undefined;
  const host = /^\[.*\]$/.test(value) ? value.slice(1, -1) : value;
  if (/^[\w.:-]+$/.test(host) && !WILDCARD_HOSTS.has(host)) return host;
  throw new InvalidOptionError('DUBBO_IP_TO_REGISTRY', 'an IP address or a host name that others can reach', value);
}

function portFrom(value: string | undefined): number | undefined {
  if (!value) return undefined;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new InvalidOptionError('DUBBO_PORT_TO_REGISTRY', 'a port from 1 to 65535', value);
}
