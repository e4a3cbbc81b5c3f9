import type { MonoTypeOperatorFunction } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { optionsObject, count } from '../internal/options.js';
import { drive } from './drive.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** Whom {@link preferZone} falls back on, and when. */
export interface PreferZoneOptions {
  /** As long as there are fewer than this, those that come next in preference are added. @defaultValue 1 */
  readonly minimum?: number | undefined;
  /** The zones to fall back on, in order; those that stand together in a list are added together. @defaultValue none */
  readonly fallback?: readonly (string | readonly string[])[] | undefined;
  /** Whether all others, also those of no zone, come last; else never. @defaultValue true */
  readonly elsewhere?: boolean | undefined;
  /** Where an instance is: a parameter's name, or what tells. @defaultValue the parameter `zone` */
  readonly zoneOf?: string | ((instance: ServiceUrl) => string | undefined) | undefined;
}

/**
 * Keeps the instances of a zone as long as there are enough of them, and else adds the next best.
 *
 * ```text
 *  sets              --aB----B---BC---abC--    a, b: in the zone; B, C: elsewhere
 *  preferZone('eu')  --a-----B---BC---ab---
 * ```
 *
 * The zone comes first, then each entry of `fallback`, then everything else. Whole entries are added until `minimum` is
 * reached, and no more than that; where all together do not reach it, all are kept. With `zoneOf: 'dubbo.tag'` and
 * `fallback: ['']`, `elsewhere: false` it is Dubbo's tag rule: those with the tag, or if there are none those without any
 * (an instance without zone is in the zone `''`).
 *
 * Emits a set for every one of the source that changes what is kept, the first one always. An instance that comes or goes
 * costs O(1), going over to the next entry or back as much as that entry has. Cold if the source is; completes and errors
 * with it.
 *
 * @param zone - The zone to prefer, usually one's own.
 * @throws InvalidOptionError if the zone is empty, a fallback is no string or one of several mentions of a zone, or
 * `minimum` is no whole number above 0.
 *
 * @example
 * ```ts
 * registry.instances(query).pipe(preferZone('eu-1', { minimum: 3, fallback: ['eu-2', ['us-1', 'us-2']] }));
 * ```
 */
export function preferZone(zone: string, options: PreferZoneOptions = {}): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options);
  if (typeof zone !== 'string' || zone === '') throw new InvalidOptionError('zone', 'the name of a zone', zone);
  const { fallback = [], elsewhere = true, zoneOf = 'zone' } = options;
  const minimum = count('minimum', options.minimum, 1);
  if (typeof elsewhere !== 'boolean') throw new InvalidOptionError('elsewhere', 'true or false', elsewhere);
  if (typeof zoneOf !== 'function' && (typeof zoneOf !== 'string' || zoneOf === '')) {
    throw new InvalidOptionError('zoneOf', 'the name of a parameter, or a function', zoneOf);
  }
  if (!Array.isArray(fallback)) throw new InvalidOptionError('fallback', 'a list of zones', fallback);
  const tiers = new Map([[zone, 0]]);
  for (const [index, zones] of fallback.entries()) {
    for (const name of [zones].flat() as unknown[]) {
      if (typeof name !== 'string') throw new InvalidOptionError('fallback', 'a list of zones', name);
      if (tiers.has(name)) throw new InvalidOptionError('fallback', 'zones that are named once', name);
      tiers.set(name, index + 1);
    }
  }
  const last = elsewhere ? fallback.length + 1 : undefined;
  const nameOf = typeof zoneOf === 'string' ? (instance: ServiceUrl) => instance.parameter(zoneOf) : zoneOf;
  return drive(
    () => new Preference((instance) => tiers.get(nameOf(instance) ?? '') ?? last, fallback.length + 2, minimum),
  );
}

class Preference implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #tierOf: (instance: ServiceUrl) => number | undefined;
  readonly #tiers: readonly Map<string, ServiceUrl>[];
  readonly #minimum: number;
  /** How many tiers are kept. */
  #breadth = 1;

  constructor(tierOf: (instance: ServiceUrl) => number | undefined, tiers: number, minimum: number) {
    this.#tierOf = tierOf;
    this.#tiers = Array.from({ length: tiers }, () => new Map());
    this.#minimum = minimum;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  take(set: InstanceSet): boolean {
    const isFirst = !this.#source.hasBegun;
    const entries = new Map<string, ServiceUrl | undefined>();
    for (const { key, after } of this.#source.follow(set)) {
      for (const tier of this.#tiers) tier.delete(key);
      entries.set(key, undefined);
      if (!after) continue;
      const tier = this.#tierOf(after);
      if (tier === undefined) continue;
      this.#tiers[tier]!.set(key, after);
      if (tier < this.#breadth) entries.set(key, after);
    }
    const breadth = this.#breadthNeeded();
    for (const tier of this.#tiers.slice(this.#breadth, breadth)) {
      for (const [key, instance] of tier) entries.set(key, instance);
    }
    for (const tier of this.#tiers.slice(breadth, this.#breadth))
      for (const key of tier.keys()) entries.set(key, undefined);
    this.#breadth = breadth;
    return this.#ledger.write(entries).length > 0 || isFirst;
  }

  #breadthNeeded(): number {
    let size = 0;
    let breadth = 0;
    while (breadth < this.#tiers.length && size < this.#minimum) size += this.#tiers[breadth++]!.size;
    return breadth;
  }
}
