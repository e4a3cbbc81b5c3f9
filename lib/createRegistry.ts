import { asyncScheduler, defer, from, of, switchMap } from 'rxjs';
import { memory, MemoryServer } from './backends/memory/index.js';
import { LARGE_DIRECTORY_BYTES } from './backends/zookeeper/largeDirectory.js';
import { parseRegistryAddress, type RegistryAddress } from './dubbo/index.js';
import { InvalidOptionError, InvalidUrlError } from './errors.js';
import { quoted } from './internal/quoted.js';
import type { Backend, ConnectionState } from './port/index.js';
import { type Registry, registryOn, type RegistryOptions } from './registry.js';

/**
 * Makes a registry from an address or a backend.
 *
 * Addresses: `zookeeper://host:2181,host2:2181` (also `?backup=…`), `etcd://host:2379,host2:2379`, `memory://` (a registry
 * of its own) and `memory://name` (one for all who say that name in this process). Their parameters are `group`, `timeout` and `session` (both in
 * milliseconds), and `user:password@` before the hosts. Nothing is connected, and no client library loaded, before the
 * registry is used.
 *
 * @throws InvalidUrlError for an address that cannot be read, InvalidOptionError for an option out of range or what is
 * neither an address nor a backend.
 *
 * @example
 * ```ts
 * await using registry = createRegistry('zookeeper://127.0.0.1:2181?session=20000');
 * ```
 */
export function createRegistry(target: string | Backend, options: RegistryOptions = {}): Registry {
  if (typeof target !== 'string') {
    // Plain JavaScript may hand in anything.
    if (typeof target?.close !== 'function') {
      throw new InvalidOptionError('target', 'the address of a registry or a backend', target);
    }
    return registryOn(target, options);
  }
  const address = parseRegistryAddress(target);
  return registryOn(backendAt(address, target), {
    ...(address.group !== undefined && { group: address.group }),
    ...(address.timeoutMs !== undefined && { timeoutMs: address.timeoutMs }),
    ...options,
  });
}

function backendAt(address: RegistryAddress, text: string): Backend {
  const { sessionTimeoutMs } = address;
  switch (address.protocol) {
    case 'memory':
      return memory({ server: address.name || new MemoryServer(), ...(sessionTimeoutMs && { sessionTimeoutMs }) });
    case 'zookeeper':
      return loadedAtUse({ name: 'zookeeper', largeDirectoryBytes: LARGE_DIRECTORY_BYTES }, async () => {
        const { zookeeperAt } = await import('./backends/zookeeper/zookeeper.js');
        return zookeeperAt(address);
      });
    case 'etcd':
      return loadedAtUse({ name: 'etcd' }, async () => {
        const { etcdAt } = await import('./backends/etcd/etcd.js');
        return etcdAt(address);
      });
    default:
      throw new InvalidUrlError(
        `Expected an address that begins with zookeeper://, etcd:// or memory://, got ${quoted(text)}.`,
      );
  }
}

/** A backend whose module, and with it the client library, is loaded by the first subscriber. */
function loadedAtUse(properties: Pick<Backend, 'name' | 'largeDirectoryBytes'>, load: () => Promise<Backend>): Backend {
  let loading: Promise<Backend> | undefined;
  let closed = false;
  return {
    ...properties,
    scheduler: asyncScheduler,
    states: defer(() => {
      if (closed && !loading) return of<ConnectionState>({ status: 'closed' });
      return from((loading ??= load())).pipe(switchMap(({ states }) => states));
    }),
    close: async (deadlineMs) => {
      closed = true;
      // One that failed to load has told its subscribers, and has nothing to close.
      const backend = await loading?.catch(() => undefined);
      await backend?.close(deadlineMs);
    },
  };
}
