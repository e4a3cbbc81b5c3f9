import { nodePath, ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError, InvalidUrlError } from '../errors.js';

/** Services that are there together: a complete set. */
export type ServiceList = Iterable<string | ServiceUrl>;

/**
 * The nodes that stand for services in a registry, by their paths.
 *
 * @throws InvalidOptionError if it is no list, or one of them cannot be read, names no interface or cannot be written.
 */
export function nodesOf(option: string, root: string, services: ServiceList): ReadonlyMap<string, ServiceUrl> {
  // Plain JavaScript may hand in anything, and a text is a list of its characters.
  if (typeof services !== 'object' || services === null || !(Symbol.iterator in services)) {
    throw new InvalidOptionError(option, 'a list of service URLs', services);
  }
  return new Map([...services].map((service) => nodeOf(option, root, service)));
}

/**
 * The node that stands for a service in a registry.
 *
 * @throws InvalidOptionError if it cannot be read, names no interface or cannot be written.
 */
export function nodeOf(
  option: string,
  root: string,
  service: string | ServiceUrl,
): readonly [path: string, service: ServiceUrl] {
  try {
    const url = ServiceUrl.parse(service);
    return [nodePath(root, url), url];
  } catch (error) {
    if (!(error instanceof InvalidUrlError)) throw error;
    throw new InvalidOptionError(option, `what can be registered (${error.message.replace(/\.$/, '')})`, service);
  }
}
