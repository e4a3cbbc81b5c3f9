import { asyncScheduler, defer, of, type SchedulerLike } from 'rxjs';
import { type CacheOptions, copyText, memoryCache, type MemoryCache } from '../cache/index.js';
import { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';

/** What a {@link cacheOf} holds. */
export interface CacheOfOptions extends CacheOptions {
  /** How old it is when it is told, in milliseconds. @defaultValue 60000 */
  readonly ageMs?: number | undefined;
  /** Measures the age: that of the backend, where it has one of its own. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Makes a cache in which a former process has kept instances: every query is answered with those of them that fit.
 *
 * ```text
 *  states      -----------5s c--       the registry is away for five seconds
 *  contents    x---------------
 *  cacheOf     --2s k---------         told after afterMs, with the origin 'kept'
 *  instances   --2s k------3s x
 * ```
 *
 * What the registry tells is written over it, query by query.
 *
 * @param instances - What was kept.
 * @throws InvalidUrlError for a URL that cannot be read, InvalidOptionError if an option is out of range.
 *
 * @example
 * ```ts
 * const registry = createRegistry(marbleBackend({ states: '5s c' }), { cache: cacheOf(fakeInstances(2)) });
 * ```
 */
export function cacheOf(instances: readonly (string | ServiceUrl)[], options: CacheOfOptions = {}): MemoryCache {
  if (!Array.isArray(instances)) throw new InvalidOptionError('instances', 'a list of service URLs', instances);
  const { ageMs = 60_000, scheduler = asyncScheduler, ...rest } = options;
  if (!(typeof ageMs === 'number' && ageMs >= 0)) throw new InvalidOptionError('ageMs', 'milliseconds', ageMs);
  const urls = instances.map((url: string | ServiceUrl) => ServiceUrl.parse(url));
  const written = memoryCache(rest);
  const textFor = (key: string): string => {
    const [registry, name] = JSON.parse(key) as [registry: string, name: string];
    const work = copyText({ registry, name, keptAt: scheduler.now() - ageMs }, urls, (url) => url.toFullString());
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
    }
  };
  return { ...written, read: (key) => defer(() => of(written.texts.get(key) ?? textFor(key))) };
}
