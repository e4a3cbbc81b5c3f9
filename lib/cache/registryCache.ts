import type { ObservableInput } from 'rxjs';
import { checked, milliseconds, optionsObject } from '../internal/options.js';

/** When what is kept is told. */
export interface CacheOptions {
  /** How long the registry has to answer before what was kept is told, in milliseconds. @defaultValue 2000 */
  readonly afterMs?: number | undefined;
  /** What is older than this is not told, in milliseconds. @defaultValue any age will do */
  readonly maxAgeMs?: number | undefined;
}

/**
 * Where a registry keeps what it was told last, for a start at which it cannot be reached: a store of texts by key.
 *
 * A text may come back damaged, or not at all: it says itself what it is, and is checked before it is used. Errors are warnings of
 * the registry, and stop nothing.
 *
 * @example
 * ```ts
 * const texts = new Map<string, string>();
 * const cache: RegistryCache = {
 *   read: (key) => of(texts.get(key)),
 *   write: (key, text) => of(texts.set(key, text)),
 * };
 * ```
 */
export interface RegistryCache extends CacheOptions {
  /** Emits the text that was written last under a key, or `undefined`; errors if it cannot be read. */
  read(key: string): ObservableInput<string | undefined>;
  /** Keeps a text, and completes when it is kept; a reader sees either the one before or this one, whole. */
  write(key: string, text: string): ObservableInput<unknown>;
}

/** Options with their defaults. @throws InvalidOptionError */
export function cacheOptions(options: CacheOptions): { readonly afterMs: number; readonly maxAgeMs: number } {
  return {
    afterMs: milliseconds('afterMs', options.afterMs, 2_000),
    maxAgeMs: age('maxAgeMs', options.maxAgeMs ?? Infinity),
  };
}

/** Refuses what is no cache. @throws InvalidOptionError */
export function checkedCache(cache: RegistryCache): RegistryCache {
  const expected = 'a cache, such as fileCache(directory)';
  optionsObject(cache, expected, 'cache');
  // Plain JavaScript may hand in anything.
  checked('cache', cache, expected, typeof cache.read === 'function' && typeof cache.write === 'function');
  cacheOptions(cache);
  return cache;
}

/** No timer waits for it, so it may be years. */
function age(option: string, ms: number): number {
  return checked(option, ms, 'a number of milliseconds from 1 up', typeof ms === 'number' && ms >= 1);
}
