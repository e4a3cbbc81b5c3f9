import { asyncScheduler, defer, from, of, Subject, switchMap } from 'rxjs';
import { memory, MemoryServer } from './backends/memory/index.js';
import { LARGE_DIRECTORY_BYTES } from './backends/zookeeper/largeDirectory.js';
import { type RegistryAddress, registryIdentity } from './dubbo/index.js';
import type { Backend, BackendWarning, ConnectionState } from './port/index.js';

/** The backend that an address names; its client library is loaded when it is used. */
export function backendAt(address: RegistryAddress): Backend {
  const { sessionTimeoutMs } = address;
  const identity = registryIdentity(address);
  switch (address.protocol) {
    case 'memory':
      return memory({ server: address.name || new MemoryServer(), ...(sessionTimeoutMs && { sessionTimeoutMs }) });
    case 'zookeeper':
      return loadedAtUse({ name: 'zookeeper', identity, largeDirectoryBytes: LARGE_DIRECTORY_BYTES }, async () => {
        const { zookeeperAt } = await import('./backends/zookeeper/zookeeper.js');
        return zookeeperAt(address);
      });
    case 'etcd':
      return loadedAtUse({ name: 'etcd', identity }, async () => {
        const { etcdAt } = await import('./backends/etcd/etcd.js');
        return etcdAt(address);
      });
  }
}

/**
 * What tells one connection from another: two addresses with the same servers, user and session timeout are one, whatever is
 * kept there. `undefined` for a registry of its own.
 */
export function connectionKey(address: RegistryAddress): string | undefined {
  const { protocol, hosts, name, path, username, password, sessionTimeoutMs, parameters } = address;
  if (name === '') return undefined;
  const servers = hosts.map(({ host, port }) => `${host}:${port}`).sort();
  return JSON.stringify([protocol, servers, name, path, username, password, sessionTimeoutMs, [...parameters].sort()]);
}

/** A backend whose module, and with it the client library, is loaded by the first subscriber. */
function loadedAtUse(
  properties: Pick<Backend, 'name' | 'identity' | 'largeDirectoryBytes'>,
  load: () => Promise<Backend>,
): Backend {
  let loading: Promise<Backend> | undefined;
  let closed = false;
  const warnings = new Subject<BackendWarning>();
  const loaded = async (): Promise<Backend> => {
    const backend = await load();
    backend.warnings?.subscribe(warnings);
    return backend;
  };
  return {
    ...properties,
    scheduler: asyncScheduler,
    warnings: warnings.asObservable(),
    states: defer(() => {
      if (closed && !loading) return of<ConnectionState>({ status: 'closed' });
      return from((loading ??= loaded())).pipe(switchMap(({ states }) => states));
    }),
    close: async (deadlineMs) => {
      closed = true;
      // One that failed to load has told its subscribers, and has nothing to close.
      const backend = await loading?.catch(() => undefined);
      await backend?.close(deadlineMs);
    },
  };
}
