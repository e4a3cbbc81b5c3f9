import { defer, of } from 'rxjs';
import { optionsObject } from '../internal/options.js';
import { cacheOptions, type CacheOptions, type RegistryCache } from './registryCache.js';

/** A cache in memory, to test with; see {@link memoryCache}. */
export interface MemoryCache extends RegistryCache {
  /** The texts by key, to be looked at and to be damaged. */
  readonly texts: Map<string, string>;
}

/**
 * Keeps what a registry was told last in this process: for tests, in virtual time too.
 *
 * @throws InvalidOptionError if an option is out of range.
 *
 * @example
 * ```ts
 * const cache = memoryCache({ afterMs: 500 });
 * const registry = createRegistry(memory({ server }), { cache });
 * ```
 */
export function memoryCache(options: CacheOptions = {}): MemoryCache {
  cacheOptions(optionsObject(options));
  const texts = new Map<string, string>();
  return {
    ...options,
    texts,
    read: (key) => defer(() => of(texts.get(key))),
    write: (key, text) => defer(() => of(texts.set(key, text))),
  };
}
