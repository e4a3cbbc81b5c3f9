import {
  categoriesOf,
  fromNodeName,
  interfaceOfDirectory,
  matcher,
  instanceKey,
  type ServiceUrl,
} from '../../../lib/dubbo/index.js';
import type { Instance } from './history.js';

const NODE = /^(\/[^/]+)\/([^/]+)\/([^/]+)\/([^/]+)$/;
const services = new Map<string, ServiceUrl | undefined>();

/** Whether a path is that of a node that stands for an instance: a root, an interface, a category, and a name. */
export function isServiceNode(path: string): boolean {
  return NODE.test(path);
}

/** What a node stands for; `undefined` if its name cannot be read. */
export function instanceAt(path: string): Instance | undefined {
  const service = serviceAt(path);
  return service && instanceOf(service);
}

/** A service as histories know it. */
export function instanceOf(service: ServiceUrl): Instance {
  const says = service.with({ parameters: { pid: undefined, timestamp: undefined } });
  return { key: instanceKey(service), says: String(says) };
}

/** What a consumer with that query sees, as histories have it. */
export function seesOf(query: ServiceUrl): (path: string) => boolean {
  const wanted = matcher(query);
  const categories = categoriesOf(query);
  const known = new Map<string, boolean>();
  const sees = (path: string): boolean => {
    const [, , directory = '', category = ''] = NODE.exec(path) ?? [];
    if (!categories.includes(category) || !serves(query, directory)) return false;
    const service = serviceAt(path);
    return service ? wanted(service) : true;
  };
  return (path) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const now = sees(path);
    known.set(path, now);
    return now;
  };
}

function serves(query: ServiceUrl, directory: string): boolean {
  try {
    const name = interfaceOfDirectory(directory);
    return query.interface === '*' || query.interface === name;
  } catch {
    return false;
  }
}

function serviceAt(path: string): ServiceUrl | undefined {
  if (services.has(path)) return services.get(path);
  let service: ServiceUrl | undefined;
  try {
    service = fromNodeName(path.slice(path.lastIndexOf('/') + 1));
  } catch {
    service = undefined;
  }
  services.set(path, service);
  return service;
}
