import { md5 } from '../../internal/md5.js';
import { matchKeyOf, type ServiceInfo } from './serviceInfo.js';

/**
 * The revision of what an application provides at one address, by the formula of Java Dubbo 3.3.
 *
 * A Java consumer knows metadata by this alone, across applications and on its disk, so no two contents may share one.
 *
 * @example
 * ```ts
 * revisionOf('shop', services); // '5a8a552f69b401b63b0250d37c2570ec'
 * ```
 */
export function revisionOf(application: string, services: Iterable<ServiceInfo>): string {
  const parts = Array.from(services, (service) => ({ key: matchKeyOf(service), service }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, service }) => `${key}${service.port ?? 0}${service.path}${textOfParams(service.params)}`);
  return md5(`${application}${parts.join('')}`);
}

/** As Java's `TreeMap` writes itself. */
function textOfParams(params: ReadonlyMap<string, string>): string {
  const sorted = [...params].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, value]) => `${name}=${value}`).join(', ')}}`;
}
