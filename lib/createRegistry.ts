import { backendAt, connectionKey } from './backendAt.js';
import { parseRegistryAddress } from './dubbo/index.js';
import { InvalidOptionError } from './errors.js';
import { optionsObject, withDefaults } from './internal/options.js';
import type { Backend } from './port/index.js';
import { type Registry, registryOn, type RegistryOptions } from './registry.js';

/**
 * Makes a registry from an address or a backend.
 *
 * Addresses: `zookeeper://host:2181,host2:2181` (also `?backup=…`), `etcd://host:2379,host2:2379`, `memory://` (a registry
 * of its own) and `memory://name` (one for all who say that name in this process). Their parameters are `group`, `timeout` and `session` (both in
 * milliseconds), and `user:password@` before the hosts. Nothing is connected, and no client library loaded, before the
 * registry is used.
 *
 * @throws InvalidUrlError for an address that cannot be read or has a parameter that nobody reads, InvalidOptionError for an
 * option out of range or what is neither an address nor a backend, RegistryError with `BACKEND_IN_USE` for a backend that
 * another registry was made with.
 *
 * @example
 * ```ts
 * await using registry = createRegistry('zookeeper://127.0.0.1:2181?session=20000');
 * ```
 */
export function createRegistry(target: string | Backend, options: RegistryOptions = {}): Registry {
  optionsObject(options);
  if (typeof target !== 'string') {
    // Plain JavaScript may hand in anything.
    if (typeof target?.close !== 'function') {
      throw new InvalidOptionError('target', 'the address of a registry or a backend', target);
    }
    return registryOn(target, options);
  }
  const address = parseRegistryAddress(target);
  return registryOn(
    backendAt(address),
    withDefaults(
      {
        ...(address.group !== undefined && { group: address.group }),
        ...(address.timeoutMs !== undefined && { timeoutMs: address.timeoutMs }),
      },
      options,
    ),
    connectionKey(address),
  );
}
