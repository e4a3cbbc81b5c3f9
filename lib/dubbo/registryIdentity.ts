import type { RegistryAddress } from './registryAddress.js';

/** Which registry an address names, without secrets: the same whatever the order of its servers. */
export function registryIdentity({ protocol, hosts, name, path }: RegistryAddress): string {
  const servers = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).sort();
  return `${protocol}://${name ?? servers.join()}${path}`;
}
