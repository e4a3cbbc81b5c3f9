import { isName, type ServiceUrl } from '../../dubbo/index.js';
import { quoted } from '../../internal/quoted.js';

/** What the metadata of an application says of one service. */
export interface ServiceInfo {
  /** The interface. */
  readonly name: string;
  readonly group: string | undefined;
  readonly version: string | undefined;
  readonly protocol: string;
  /** `undefined` where the instance says it. */
  readonly port: number | undefined;
  /** Java finds only a service whose path is its interface. */
  readonly path: string;
  readonly params: ReadonlyMap<string, string>;
}

/** They say when and by whom a node was written, or where it lies: nothing about the service. */
const LEFT_OUT: ReadonlySet<string> = new Set(['category', 'pid', 'timestamp']);

/** `[group/]interface[:version][:protocol]`: the key of a service in the metadata, and a part of its revision. */
export function matchKeyOf({ group, name, version, protocol }: Omit<ServiceInfo, 'params'>): string {
  return `${group ? `${group}/` : ''}${name}${version ? `:${version}` : ''}:${protocol}`;
}

/** What the metadata says of a service that is registered. */
export function toServiceInfo(url: ServiceUrl): ServiceInfo {
  return {
    name: url.interface,
    group: url.group || undefined,
    version: url.version || undefined,
    protocol: url.protocol,
    port: url.port,
    path: url.path,
    params: new Map([...url.parameters].filter(([name]) => !LEFT_OUT.has(name))),
  };
}

/** Why a provider cannot be registered at the application level, as a sentence; `undefined` if it can. */
export function flawOfProvider(url: ServiceUrl): string | undefined {
  if (url.port === undefined) return 'Expected a port, which every instance of an application has.';
  if (url.username !== undefined) return 'Expected no user name, which the metadata of an application cannot hold.';
  if (url.path !== url.interface) {
    return (
      `Expected the path to be the interface, got ${quoted(url.path)} for ${quoted(url.interface)}: Java does not find ` +
      'any other service of an application.'
    );
  }
  if (!isName(url.interface)) return `Expected an interface that can name a node, got ${quoted(url.interface)}.`;
  if (url.parameters.has('__proto__')) return 'Expected no parameter "__proto__", which readers of JSON refuse.';
  if (url.parameter('dynamic') === 'false') {
    return 'Expected a provider that goes with its session, got one with dynamic=false: an instance of an application is never persistent.';
  }
  return undefined;
}
