import type { ServiceQuery } from '../dubbo/index.js';

/** Asks for every provider and consumer of every service, also for those that are switched off. */
export const EVERYTHING: ServiceQuery = {
  interface: '*',
  group: '*',
  version: '*',
  category: 'providers,consumers',
  enabled: '*',
};

/** Asks for all that {@link EVERYTHING} asks for of one service; the text may be a service key, `group/interface:version`. */
export function everythingOf(serviceKey: string): ServiceQuery {
  const [, group, name = serviceKey, version] = /^(?:([^/]*)\/)?([^:]*)(?::(.*))?$/.exec(serviceKey) ?? [];
  return { ...EVERYTHING, interface: name, group: group ?? '*', version: version ?? '*' };
}
