import { encodeComponent } from './encoding.js';
import { sameAddress, type ServiceUrl } from './serviceUrl.js';

/** Java strips these before it compares nodes: they say when and by whom a node was written, not what it stands for. */
const OF_THE_WRITER: ReadonlySet<string> = new Set(['timestamp', 'pid']);

/**
 * What makes a service the same one: two URLs with one key are one instance, and a change between them is an update.
 *
 * A provider is known by its protocol, host, port, path, group and version. Anything else is known by all it says but
 * `timestamp`, `pid` and a password, so that the key may be shown. Keys start with the category, and no two things that
 * differ in what counts have the same key, whatever characters they are made of.
 *
 * @param url - The service.
 * @returns A key to compare, or to show.
 *
 * @example
 * ```ts
 * instanceKey(ServiceUrl.parse('dubbo://10.0.0.1:20880/com.foo.Bar?version=1.0&weight=5'));
 * // 'providers/dubbo://10.0.0.1:20880/com.foo.Bar?version=1.0'
 * ```
 */
export function instanceKey(url: ServiceUrl): string {
  const { category } = url;
  const isProvider = category === 'providers';
  const user = isProvider || url.username === undefined ? '' : `${encodeComponent(url.username)}@`;
  const port = url.port === undefined ? '' : `:${url.port}`;
  const parts = [encodeComponent(category), '/', url.protocol, '://', user, encodeComponent(url.host), port, '/'];
  parts.push(encodeComponent(url.path));
  let separator = '?';
  for (const [name, value] of isProvider ? identityOf(url) : url.parameters) {
    if (OF_THE_WRITER.has(name) || name === 'password') continue;
    parts.push(separator, encodeComponent(name), '=', encodeComponent(value));
    separator = '&';
  }
  // Joined it is one string in memory; added up it would stay a tree of all its parts, four times as large.
  return parts.join('');
}

function* identityOf({ group, version }: ServiceUrl): Generator<readonly [name: string, value: string]> {
  if (group !== undefined) yield ['group', group];
  if (version !== undefined) yield ['version', version];
}

/**
 * Whether two URLs say the same about a service, whoever wrote them and when: equal but for `timestamp` and `pid`.
 *
 * @param a - One URL.
 * @param b - Another.
 *
 * @example
 * ```ts
 * sameService(url, url.with({ parameters: { timestamp: '1700000000000', pid: '7' } })); // true
 * ```
 */
export function sameService(a: ServiceUrl, b: ServiceUrl): boolean {
  if (a === b) return true;
  if (!sameAddress(a, b)) return false;
  // They are put together anew whenever they are asked for.
  const { parameters: ofA } = a;
  const { parameters: ofB } = b;
  return includesAll(ofA, ofB) && includesAll(ofB, ofA);
}

function includesAll(whole: ReadonlyMap<string, string>, part: ReadonlyMap<string, string>): boolean {
  for (const [name, value] of part) if (whole.get(name) !== value && !OF_THE_WRITER.has(name)) return false;
  return true;
}
