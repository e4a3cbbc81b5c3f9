import { type ServiceQuery, ServiceUrl } from '../dubbo/index.js';
import { InvalidUrlError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import type { GrpcUri } from './grpcLibrary.js';

const PARAMETERS: readonly string[] = ['group', 'version', 'classifier'];

/**
 * Parses the target of a channel, such as `registry:///com.acme.Greeter?version=1.0.0`, into a query.
 *
 * @throws InvalidUrlError if it has a host, no interface, or a parameter other than group, version and classifier.
 */
export function queryOf(target: GrpcUri): ServiceQuery {
  const { scheme = 'registry', authority = '', path } = target;
  const text = `${scheme}:${target.authority === undefined ? '' : `//${authority}/`}${path}`;
  const refuse = (expected: string): never => {
    throw new InvalidUrlError(`Expected ${expected}, got ${quoted(text)}.`);
  };
  if (authority !== '') refuse(`a target without host, such as ${scheme}:///com.acme.Greeter`);
  const { path: name, parameters } = ServiceUrl.parse(`consumer://0.0.0.0/${path}`);
  if (name === '' || name === '*') refuse(`a target that names an interface, such as ${scheme}:///com.acme.Greeter`);
  for (const key of parameters.keys()) {
    if (!PARAMETERS.includes(key)) refuse(`a target with no other parameters than ${PARAMETERS.join(', ')}`);
  }
  return { interface: name, ...Object.fromEntries(parameters) };
}

/** Formats a query for an error message. */
export function described({ interface: name, ...narrowed }: ServiceQuery): string {
  const parameters = Object.entries(narrowed).map(([key, value]) => `${key}=${value}`);
  return quoted(parameters.length > 0 ? `${name}?${parameters.join('&')}` : name);
}
