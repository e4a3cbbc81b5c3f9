import type { ServiceUrl } from '../../dubbo/index.js';
import { childOf } from '../../internal/path.js';
import type { ApplicationPaths } from '../applicationPaths.js';
import { type InstanceForm, instanceName, writeInstance } from '../formats/instance.js';
import { metadataOf, writeMetadata } from '../formats/metadataInfo.js';
import { toServiceInfo } from '../formats/serviceInfo.js';

/** An instance of an application: what has a node of its own. */
export interface InstanceAddress {
  readonly application: string;
  readonly host: string;
  readonly port: number;
}

/** All that has to be in the registry for the services that one instance provides. */
export interface Publication {
  /** Rises from publication to publication of an instance. */
  readonly serial: number;
  readonly revision: string;
  /** The content of the instance's node. */
  readonly instance: string;
  /** The content of each metadata node. */
  readonly metadata: string;
  /** What the mapping has to name the application for. */
  readonly interfaces: readonly string[];
}

/** What has to be written for the services of an instance; `undefined` if there is none. */
export function publicationOf(
  address: InstanceAddress,
  services: readonly ServiceUrl[],
  startedMs: number,
  form: InstanceForm,
  serial: number,
): Publication | undefined {
  if (services.length === 0) return undefined;
  const info = metadataOf(address.application, services.map(toServiceInfo));
  const protocols = [...new Set(services.map(({ protocol }) => protocol))].sort();
  const facts = { ...address, revision: info.revision, protocols, timestampMs: startedMs };
  return {
    serial,
    revision: info.revision,
    instance: writeInstance(facts, form),
    metadata: writeMetadata(info),
    interfaces: [...new Set(services.map((service) => service.interface))],
  };
}

/** The directory of an application's instances. */
export function applicationPath(paths: ApplicationPaths, application: string): string {
  return childOf(paths.instances, application);
}

/** The node of an instance. */
export function instancePath(paths: ApplicationPaths, address: InstanceAddress): string {
  return childOf(applicationPath(paths, address.application), instanceName(address));
}

/** The nodes of a revision: the same content in each. */
export function metadataPaths(paths: ApplicationPaths, application: string, revision: string): string[] {
  return paths.metadata.map((directory) => childOf(childOf(directory, application), revision));
}

/** When a service was started; `undefined` where its `timestamp` does not say. */
export function startOf(service: ServiceUrl): number | undefined {
  const value = Number(service.parameter('timestamp'));
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
