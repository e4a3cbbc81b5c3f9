import { asyncScheduler, defer, from, switchMap } from 'rxjs';
import { memory, MemoryServer } from './backends/memory/index.js';
import { parseRegistryAddress, redact, type RegistryAddress } from './dubbo/index.js';
import { InvalidUrlError } from './errors.js';
import type { Backend } from './port/index.js';
import { type Registry, registryOn, type RegistryOptions } from './registry.js';

/**
 * Makes a registry from an address or a backend.
 *
 * Addresses: `zookeeper://host:2181,host2:2181` (also `?backup=…`), `memory://` (a registry of its own) and `memory://name`
 * (one for all who say that name in this process). Their parameters are `group`, `timeout` and `session` (both in
 * milliseconds), and `user:password@` before the hosts. Nothing is connected, and no client library loaded, before the
 * registry is used.
 *
 * @throws InvalidUrlError for an address that cannot be read, InvalidOptionError for an option out of range.
 *
 * @example
 * ```ts
 * await using registry = createRegistry('zookeeper://127.0.0.1:2181?session=20000');
 * ```
 */
export function createRegistry(target: string | Backend, options: RegistryOptions = {}): Registry {
  if (typeof target !== 'string') return registryOn(target, options);
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
      return loadedAtUse('zookeeper', async () => {
        const { zookeeperAt } = await import('./backends/zookeeper/zookeeper.js');
        return zookeeperAt(address);
      });
    default:
      throw new InvalidUrlError(`Expected an address that begins with zookeeper:// or memory://, got ${redact(text)}.`);
  }
}

/** A backend whose module, and with it the client library, is loaded by the first subscriber. */
function loadedAtUse(name: string, load: () => Promise<Backend>): Backend {
  let loading: Promise<Backend> | undefined;
  const backend = (): Promise<Backend> => (loading ??= load());
  return {
    name,
    scheduler: asyncScheduler,
    ...(name === 'zookeeper' && { largeDirectoryBytes: 800_000 }),
    states: defer(() => from(backend())).pipe(switchMap(({ states }) => states)),
    close: async (deadlineMs) => (await backend()).close(deadlineMs),
  };
}
