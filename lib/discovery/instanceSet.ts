import type { ServiceUrl } from '../dubbo/index.js';

/** What a key had before a change: `undefined` if it was not there. */
export type Undo = readonly (readonly [key: string, before: ServiceUrl | undefined])[];

interface Outdated {
  readonly by: InstanceSet;
  readonly undo: Undo;
}

/**
 * A complete set of instances at one moment; it never changes.
 *
 * The newest set costs nothing to make, however large it is: it reads what its maker keeps, and every older one is the next
 * one and what to undo. Reading an older set makes a copy, once.
 *
 * @example
 * ```ts
 * registry.instances({ interface: 'com.acme.Users' }).subscribe((instances) => {
 *   console.log(instances.size, [...instances].map((service) => service.address));
 * });
 * ```
 */
export class InstanceSet implements Iterable<ServiceUrl> {
  #byKey: ReadonlyMap<string, ServiceUrl>;
  #outdated: Outdated | undefined;

  constructor(byKey: ReadonlyMap<string, ServiceUrl> = new Map()) {
    this.#byKey = byKey;
  }

  /** How many instances there are. */
  get size(): number {
    return this.#present().size;
  }

  /** The instance with that key (see `instanceKey`), or `undefined`. */
  get(key: string): ServiceUrl | undefined {
    return this.#present().get(key);
  }

  /** Whether there is an instance with that key. */
  has(key: string): boolean {
    return this.#present().has(key);
  }

  /** The keys of all instances. */
  keys(): ArrayIterator<string> {
    return [...this.#present().keys()].values();
  }

  /** All instances, in no particular order. */
  [Symbol.iterator](): ArrayIterator<ServiceUrl> {
    return this.toArray().values();
  }

  /** All instances as an array of its own. */
  toArray(): ServiceUrl[] {
    return [...this.#present().values()];
  }

  /**
   * Says that the map this set was made of has changed: `by` is what it is now, `undo` what leads back.
   *
   * @internal
   */
  outdate(by: InstanceSet, undo: Undo): void {
    this.#outdated = { by, undo };
  }

  #present(): ReadonlyMap<string, ServiceUrl> {
    if (!this.#outdated) return this.#byKey;
    const undos: Undo[] = [];
    let newest = this.#byKey;
    for (let outdated: Outdated | undefined = this.#outdated; outdated; outdated = outdated.by.#outdated) {
      undos.push(outdated.undo);
      newest = outdated.by.#byKey;
    }
    const copy = new Map(newest);
    for (const undo of undos.reverse()) {
      for (const [key, before] of undo) {
        if (before) copy.set(key, before);
        else copy.delete(key);
      }
    }
    this.#outdated = undefined;
    return (this.#byKey = copy);
  }
}
