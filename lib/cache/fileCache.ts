import type { CacheFiles } from './cacheFiles.js';
import { checked, optionsObject, wholeNumber } from '../internal/options.js';
import { cacheOptions, type CacheOptions, type RegistryCache } from './registryCache.js';

/** How {@link fileCache} keeps files. */
export interface FileCacheOptions extends CacheOptions {
  /** A file that is larger is not read, in bytes. @defaultValue 67108864, which is enough for 200,000 instances */
  readonly maxBytes?: number | undefined;
}

/**
 * Keeps what a registry was told last in files of a directory: one for each query, with a checksum, written as a whole or not at
 * all, and readable by their owner only.
 *
 * The directory is made when it is missing. Several processes may share it. A file that is damaged, of another registry or
 * another version, a link, a directory, too large or somebody else's is not used; that is a warning of the registry, as is a disk
 * that is full or may not be written to.
 *
 * @param directory - Where the files are.
 * @throws InvalidOptionError if `directory` is no path, or an option is out of range.
 *
 * @example
 * ```ts
 * const registry = createRegistry('zookeeper://zk1,zk2,zk3', { cache: fileCache('/var/cache/shop') });
 * ```
 */
export function fileCache(directory: string, options: FileCacheOptions = {}): RegistryCache {
  const isPath = typeof directory === 'string' && directory !== '' && !directory.includes('\0');
  checked('directory', directory, 'the path of a directory', isPath);
  cacheOptions(optionsObject(options));
  const maxBytes = wholeNumber('maxBytes', options.maxBytes ?? 64 * 1_024 * 1_024, 1_024, 2 ** 29);
  // Loaded at use, so that nothing of Node.js is loaded where there are no files.
  let loading: Promise<CacheFiles> | undefined;
  const load = async (): Promise<CacheFiles> => new (await import('./cacheFiles.js')).CacheFiles(directory, maxBytes);
  const files = (): Promise<CacheFiles> => (loading ??= load());
  return {
    ...options,
    read: async (key) => (await files()).read(key),
    write: async (key, text) => (await files()).write(key, text),
  };
}
