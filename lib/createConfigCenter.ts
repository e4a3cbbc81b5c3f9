import { backendAt, connectionKey } from './backendAt.js';
import { configCenterOn } from './config/backendConfigCenter.js';
import type { ConfigCenter, ConfigCenterOptions } from './config/configCenter.js';
import { type SharedBackend, shareBackend } from './connection/index.js';
import { parseRegistryAddress } from './dubbo/index.js';
import { InvalidOptionError } from './errors.js';
import { optionsObject, withDefaults } from './internal/options.js';
import type { Backend } from './port/index.js';
import { guestOf, type Registry } from './registry.js';

/**
 * Makes a configuration centre on an address, a backend, or the connection of a registry.
 *
 * Addresses are those of `createRegistry`; their parameters are `namespace`, `base64`, `timeout` and `session` (both in
 * milliseconds). It shares the session of a registry, and of other configuration centres, with the same servers, user and
 * session timeout in this process: it is one session for each server address, which ends when the last of them is closed.
 * Nothing is connected, and no client library loaded, before it is used.
 *
 * @throws InvalidUrlError for an address that cannot be read or has a parameter that nobody reads, InvalidOptionError for an option out of range or what is
 * neither an address nor a backend nor a registry.
 *
 * @example
 * ```ts
 * await using config = createConfigCenter('zookeeper://127.0.0.1:2181?namespace=dubbo');
 * config.watch('user-service.properties').subscribe(({ content }) => console.log(content));
 * ```
 */
export function createConfigCenter(
  target: string | Backend | Registry,
  options: ConfigCenterOptions = {},
): ConfigCenter {
  optionsObject(options);
  if (typeof target !== 'string') return configCenterOn(connectionOf(target), options);
  const address = parseRegistryAddress(target);
  const { namespace, base64, timeoutMs } = address;
  return configCenterOn(
    shareBackend(backendAt(address), 'guest', connectionKey(address)),
    withDefaults(
      {
        ...(namespace !== undefined && { namespace }),
        ...(base64 !== undefined && { base64 }),
        ...(timeoutMs !== undefined && { timeoutMs }),
      },
      options,
    ),
  );
}

function connectionOf(target: Backend | Registry): SharedBackend {
  // Plain JavaScript may hand in anything.
  const isObject = typeof target === 'object' && target !== null;
  const ofRegistry = isObject ? guestOf(target) : undefined;
  if (ofRegistry) return ofRegistry;
  if (!isObject || !('name' in target) || typeof target.close !== 'function') {
    throw new InvalidOptionError('target', 'the address of a registry, a backend or a registry', target);
  }
  return shareBackend(target, 'guest');
}
