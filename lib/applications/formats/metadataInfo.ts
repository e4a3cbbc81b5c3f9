import { UnreadableNodeError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import { fieldOf, isObject, type PlainObject, portOf, readObject, textOf, textsOf } from './plainFields.js';
import { revisionOf } from './revision.js';
import { matchKeyOf, type ServiceInfo } from './serviceInfo.js';

/** What an application provides at one address, and the revision by which everybody knows it. */
export interface MetadataInfo {
  readonly application: string;
  readonly revision: string;
  /** By their keys, in order. */
  readonly services: ReadonlyMap<string, ServiceInfo>;
}

/** The metadata of services that an application provides; of two with the same key the last one counts. */
export function metadataOf(application: string, services: Iterable<ServiceInfo>): MetadataInfo {
  const byKey = new Map(Array.from(services, (service) => [matchKeyOf(service), service] as const));
  const sorted = new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { application, revision: revisionOf(application, sorted.values()), services: sorted };
}

/** Metadata as it is written for Java and for dubbo-go, which read the same JSON in different places. */
export function writeMetadata({ application, revision, services }: MetadataInfo): string {
  const entries = [...services].map(([key, { group, name, params, path, port, protocol, version }]) => [
    key,
    // A group or version that is absent must not be there as an empty one; `params` must be there, even if empty.
    {
      ...(group && { group }),
      name,
      params: Object.fromEntries(params),
      path,
      port,
      protocol,
      ...(version && { version }),
    },
  ]);
  return JSON.stringify({ app: application, revision, services: Object.fromEntries(entries) as PlainObject });
}

/**
 * Reads metadata that anybody may have written.
 *
 * A service that cannot be read is left out, and the others count.
 *
 * @param onUnreadable - Told why of each service that is left out.
 * @throws UnreadableNodeError if it is no metadata at all.
 */
export function readMetadata(data: Uint8Array, onUnreadable: (error: UnreadableNodeError) => void): ServiceInfo[] {
  return servicesIn(readObject(data, 'metadata'), onUnreadable);
}

/** The services in metadata that was read as JSON already; see {@link readMetadata}. */
export function servicesIn(metadata: PlainObject, onUnreadable: (error: UnreadableNodeError) => void): ServiceInfo[] {
  const services = fieldOf(metadata, 'services');
  if (!isObject(services)) throw new UnreadableNodeError('Expected metadata with `services`, an object, got none.');
  return Object.entries(services).flatMap(([key, value]) => {
    const service = isObject(value) ? readService(value) : undefined;
    if (service) return [service];
    onUnreadable(
      new UnreadableNodeError(`Expected a service with a name and a protocol for ${quoted(key)}, got none.`),
    );
    return [];
  });
}

function readService(value: PlainObject): ServiceInfo | undefined {
  const name = textOf(fieldOf(value, 'name'));
  const protocol = textOf(fieldOf(value, 'protocol'));
  if (name === undefined || protocol === undefined) return undefined;
  return {
    name,
    protocol,
    group: textOf(fieldOf(value, 'group')),
    version: textOf(fieldOf(value, 'version')),
    port: portOf(fieldOf(value, 'port')),
    path: textOf(fieldOf(value, 'path')) ?? name,
    params: textsOf(fieldOf(value, 'params')),
  };
}
