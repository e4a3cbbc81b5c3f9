import type { ServiceUrl } from '../dubbo/index.js';

/**
 * A complete set of instances at one moment; it never changes.
 *
 * @example
 * ```ts
 * registry.instances({ interface: 'com.acme.Users' }).subscribe((instances) => {
 *   console.log(instances.size, [...instances].map((service) => service.address));
 * });
 * ```
 */
export class InstanceSet implements Iterable<ServiceUrl> {
  readonly #byKey: ReadonlyMap<string, ServiceUrl>;

  constructor(byKey: ReadonlyMap<string, ServiceUrl> = new Map()) {
    this.#byKey = byKey;
  }

  /** How many instances there are. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The instance with that key (see `instanceKey`), or `undefined`. */
  get(key: string): ServiceUrl | undefined {
    return this.#byKey.get(key);
  }

  /** Whether there is an instance with that key. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** The keys of all instances. */
  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** All instances, in no particular order. */
  [Symbol.iterator](): IterableIterator<ServiceUrl> {
    return this.#byKey.values();
  }

  /** All instances as an array of its own. */
  toArray(): ServiceUrl[] {
    return [...this];
  }
}
