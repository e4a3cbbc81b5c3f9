import { InvalidOptionError, InvalidUrlError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import { ServiceUrl } from './serviceUrl.js';

/** What a consumer asks for; the rules are those of `matcher`. */
export interface ServiceQuery {
  /** The interface, or `*` for all. */
  readonly interface: string;
  /** A group, a comma list of groups, or `*`; without it, only services without group. */
  readonly group?: string | undefined;
  /** A version, a comma list of versions, or `*`; without it, only services without version. */
  readonly version?: string | undefined;
  /** A classifier, or `*`, which is the default. */
  readonly classifier?: string | undefined;
  /** A comma list of categories, `*`, or one to leave out (`-routers`); `providers` by default. */
  readonly category?: string | undefined;
  /** `*` to see services that are switched off too, by `disabled=true` or `enabled=false`. */
  readonly enabled?: string | undefined;
}

const KEYS: readonly string[] = ['interface', 'group', 'version', 'classifier', 'category', 'enabled'];

/**
 * Reads a query in any of its forms.
 *
 * @param input - A URL such as `consumer://host/interface?group=*`, as text or as a value, or a {@link ServiceQuery}.
 * @returns The query as a URL; where no host was given it is `0.0.0.0`.
 * @throws {@link InvalidUrlError} when a URL cannot be read or names no interface.
 * @throws {@link InvalidOptionError} when a field of the query is unknown, not a string, or an empty interface.
 *
 * @example
 * ```ts
 * toQuery({ interface: 'com.foo.Bar', version: '1.0' }).toString();
 * // 'consumer://0.0.0.0/com.foo.Bar?interface=com.foo.Bar&version=1.0'
 * ```
 */
export function toQuery(input: string | ServiceUrl | ServiceQuery): ServiceUrl {
  if (typeof input === 'string' || input instanceof ServiceUrl) return fromUrl(ServiceUrl.parse(input));
  if (typeof input !== 'object' || input === null) {
    throw new InvalidOptionError('query', 'a consumer URL or an object with an interface', input);
  }
  const parameters = new Map<string, string>();
  for (const [key, value] of Object.entries(input) as [string, unknown][]) {
    if (!KEYS.includes(key)) throw new InvalidOptionError(key, `one of ${KEYS.join(', ')}`, value);
    if (value === undefined) continue;
    if (typeof value !== 'string') throw new InvalidOptionError(key, 'a string', value);
    parameters.set(key, value);
  }
  const path = parameters.get('interface')?.trim();
  if (!path) throw new InvalidOptionError('interface', 'the name of an interface, or *', input.interface);
  return ServiceUrl.from({ protocol: 'consumer', host: ANY_HOST, path, parameters });
}

const ANY_HOST = '0.0.0.0';

function fromUrl(url: ServiceUrl): ServiceUrl {
  if (url.interface === '') {
    throw new InvalidUrlError(`Expected a URL that names an interface, got ${quoted(url.toString())}.`);
  }
  return url.host === '' ? url.with({ host: ANY_HOST }) : url;
}
