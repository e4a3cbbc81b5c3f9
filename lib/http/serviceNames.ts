import type { ServiceQuery } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';

/** A URL whose host is the name of a service: the parts around the name. */
export interface NamedUrl {
  readonly scheme: string;
  readonly name: string;
  readonly rest: string;
}

const NAMED = /^(https?):\/\/([^/?#:@]+)([/?#].*)?$/is;

/** Reads a URL that may name a service; `undefined` for what cannot, such as one with a port or a user. */
export function namedUrl(url: string): NamedUrl | undefined {
  const [, scheme, name, rest = '/'] = NAMED.exec(url.trim()) ?? [];
  return scheme === undefined || name === undefined ? undefined : { scheme, name: name.toLowerCase(), rest };
}

/**
 * The name that a service has as the host of a URL, where capitals do not count.
 *
 * @throws InvalidOptionError for what cannot be a host.
 */
export function hostNameOf({ interface: name }: ServiceQuery): string {
  const host = name.toLowerCase();
  if (namedUrl(`http://${host}/`)?.name !== host || !/^[\w.$-]+$/.test(host)) {
    throw new InvalidOptionError('services', 'names that can be the host of a URL', name);
  }
  return host;
}
