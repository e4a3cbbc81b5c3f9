import type { ServiceUrl } from '../dubbo/index.js';
import { type Inspect, inspected } from '../internal/legible.js';

/** One instance that two sets differ in: `undefined` stands for absent. */
export interface InstanceChange {
  readonly key: string;
  readonly before: ServiceUrl | undefined;
  readonly after: ServiceUrl | undefined;
}

/** What every changed key had before a change: `undefined` if it was not there. */
type Undo = ReadonlyMap<string, ServiceUrl | undefined>;

/** So many instances are named in a text. */
const MOST_SHOWN = 10;

/** Where a set comes from: the registry, or what was kept of it while it cannot be reached. */
export type SetOrigin = 'registry' | 'kept';

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
  /** The set that this one is, but for its origin. */
  #same: InstanceSet | undefined;
  #keptMs: number | undefined;

  constructor(byKey: ReadonlyMap<string, ServiceUrl> = new Map()) {
    this.#byKey = byKey;
  }

  /**
   * Where it comes from: `'kept'` as long as the registry has not answered, and a cache has what it told last.
   *
   * Operators pass it on. Sets of several registries are kept as long as a part of them is.
   *
   * @example
   * ```ts
   * registry.instances(query).pipe(filter(({ origin, ageMs }) => origin === 'registry' || ageMs < 3_600_000));
   * ```
   */
  get origin(): SetOrigin {
    return this.#keptMs === undefined ? 'registry' : 'kept';
  }

  /** How long before it was told it was right for the last time, in milliseconds: 0 for what the registry told. */
  get ageMs(): number {
    return this.#keptMs ?? 0;
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
  keys(): IterableIterator<string> {
    return [...this.#present().keys()].values();
  }

  /** Each key with its instance. */
  entries(): IterableIterator<[key: string, instance: ServiceUrl]> {
    return [...this.#present()].values();
  }

  /** All instances, in no particular order. */
  [Symbol.iterator](): IterableIterator<ServiceUrl> {
    return this.toArray().values();
  }

  /** All instances as an array of its own. */
  toArray(): ServiceUrl[] {
    return [...this.#present().values()];
  }

  /**
   * What differs between an earlier set and this one, each key once.
   *
   * Costs as much as there are changes where both come from one stream and nobody read the earlier one after it was
   * outdated; else it compares them whole. An instance has changed if it is another object.
   *
   * @param previous - The earlier set.
   *
   * @example
   * ```ts
   * instances.pipe(pairwise()).subscribe(([before, now]) => {
   *   for (const { key, before: was, after } of now.changesSince(before)) console.log(key, was?.address, after?.address);
   * });
   * ```
   */
  changesSince(previous: InstanceSet): InstanceChange[] {
    const was = previous.#same ?? previous;
    if (this.#same) return this.#same.changesSince(was);
    if (was === this) return [];
    const undone = new Map<string, ServiceUrl | undefined>();
    let set: InstanceSet | undefined = was;
    while (set && set !== this) {
      const outdated: Outdated | undefined = set.#outdated;
      if (outdated) {
        for (const [key, had] of outdated.undo) if (!undone.has(key)) undone.set(key, had);
      }
      set = outdated?.by;
    }
    if (!set) return this.#compare(was);
    const changes: InstanceChange[] = [];
    for (const [key, before] of undone) {
      const after = InstanceSet.#peek(this, key);
      if (after !== before) changes.push({ key, before, after });
    }
    return changes;
  }

  /** How many there are and where, for logs: `InstanceSet(2) 10.0.0.5:20880, 10.0.0.6:20880`. The first ten are named. */
  toString(): string {
    const addresses = this.toArray().map(({ address }) => address);
    const more = addresses.length > MOST_SHOWN ? `, … ${addresses.length - MOST_SHOWN} more` : '';
    return `InstanceSet(${addresses.length}) ${addresses.slice(0, MOST_SHOWN).join(', ')}${more}`.trimEnd();
  }

  /** The instances as an array; in JSON each is the text of `ServiceUrl.toString`, without secrets. */
  toJSON(): ServiceUrl[] {
    return this.toArray();
  }

  /** What `console.log` shows: how many instances there are, and which. */
  [Symbol.for('nodejs.util.inspect.custom')](_depth: number, options: object, inspect: Inspect): string {
    return inspected(`InstanceSet(${this.size})`, this.toArray(), options, inspect);
  }

  /**
   * The same instances with another origin: kept, and so old, or from the registry if that is `undefined`.
   *
   * @internal
   */
  withAge(keptMs: number | undefined): InstanceSet {
    const same = this.#same ?? this;
    if (keptMs === undefined) return same;
    if (this.#keptMs === keptMs) return this;
    const marked = new InstanceSet();
    marked.#same = same;
    marked.#keptMs = keptMs;
    return marked;
  }

  /**
   * Whether it has the instances of another set, whatever the origins.
   *
   * @internal
   */
  isOf(other: InstanceSet): boolean {
    return (this.#same ?? this) === (other.#same ?? other);
  }

  /**
   * The same instances with the origin of another set.
   *
   * @internal
   */
  withOriginOf(other: InstanceSet): InstanceSet {
    return this.withAge(other.#keptMs);
  }

  /**
   * Says that the map this set was made of has changed: `by` is what it is now, `undo` what leads back.
   *
   * @internal
   */
  outdate(by: InstanceSet, undo: Undo): void {
    this.#outdated = { by, undo };
  }

  #compare(previous: InstanceSet): InstanceChange[] {
    const changes: InstanceChange[] = [];
    const was = previous.#present();
    const is = this.#present();
    for (const [key, before] of was) {
      const after = is.get(key);
      if (after !== before) changes.push({ key, before, after });
    }
    for (const [key, after] of is) if (!was.has(key)) changes.push({ key, before: undefined, after });
    return changes;
  }

  /** Reads one instance without a copy of the whole. */
  static #peek(set: InstanceSet, key: string): ServiceUrl | undefined {
    for (; set.#outdated; set = set.#outdated.by) {
      if (set.#outdated.undo.has(key)) return set.#outdated.undo.get(key);
    }
    return set.#byKey.get(key);
  }

  #present(): ReadonlyMap<string, ServiceUrl> {
    if (this.#same) return this.#same.#present();
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
