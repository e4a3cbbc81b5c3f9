import type { MonoTypeOperatorFunction } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { checked, count, optionsObject } from '../internal/options.js';
import { quoted } from '../internal/quoted.js';
import { drive } from './drive.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';
import { ZoneProportion } from './zoneProportion.js';

/** Whom {@link preferZone} falls back on, and when. */
export interface PreferZoneOptions {
  /**
   * `'fallback'` keeps one zone as long as it has enough instances, `'proportional'` hands on as many calls as the zone has
   * too little capacity for. @defaultValue `'fallback'`
   */
  readonly mode?: 'fallback' | 'proportional' | undefined;
  /** As long as there are fewer than this, those that come next in preference are added. @defaultValue 1 */
  readonly minimum?: number | undefined;
  /** The zones to fall back on, in order; those that stand together in a list are added together. @defaultValue none */
  readonly fallback?: readonly (string | readonly string[])[] | undefined;
  /** Whether all others, also those of no zone, come last; else never. @defaultValue true */
  readonly elsewhere?: boolean | undefined;
  /** Where an instance is: a parameter's name, or what tells. @defaultValue the parameter `zone` */
  readonly zoneOf?: string | ((instance: ServiceUrl) => string | undefined) | undefined;
  /**
   * Only with `mode: 'proportional'`: how much each zone calls, in any unit, such as the number of clients there. A zone that is
   * not named calls nothing; the own one has to be named. @defaultValue as much each, of those that have instances and the own
   */
  readonly traffic?: Readonly<Record<string, number>> | undefined;
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
 * With `mode: 'proportional'` the zone is kept, and where it is short others get by their weights what it lacks, and no more.
 * Let `C(z)` be the share that zone `z` has of the weight of all instances, and `T(z)` the share of all calls that come from
 * there (`traffic`). Of the calls of zone `a`:
 *
 * ```text
 *  stay in the zone     C(a) / T(a), or all of them if that is more
 *  go to zone z         the rest · room(z) / room of all zones, where room(z) = C(z) - T(z), or 0 if that is less
 * ```
 *
 * When the clients of all zones do so, and `traffic` is right, every instance has the calls that its weight says, and as few as
 * possible cross from zone to zone. Instances elsewhere are copies with a `weight` that is lower by as much; so it needs a balancer
 * that honours weights. Weights are whole numbers, fractions are rounded up or down by key, and where weights are small all of
 * those that are kept are multiplied by a power of two. A zone without instances hands on all calls, a zone with enough none.
 *
 * Emits a set for every one of the source that changes what is kept, the first one always. An instance that comes or goes
 * costs O(1), going over to the next entry or back as much as that entry has; with `mode: 'proportional'` as much as there are
 * zones, and instances elsewhere while the zone is short. Cold if the source is; completes and errors with it.
 *
 * Source of the formula: Envoy's zone aware routing.
 *
 * @param zone - The zone to prefer, usually one's own.
 * @throws InvalidOptionError if the zone is empty, a fallback is no string or one of several mentions of a zone,
 * `minimum` is no whole number above 0, `traffic` has a number below 0 or none for the own zone, or an option is given that the
 * mode does not have: `minimum`, `fallback` and `elsewhere` are of the mode `'fallback'`.
 *
 * @example
 * ```ts
 * registry.instances(query).pipe(preferZone('eu-1', { minimum: 3, fallback: ['eu-2', ['us-1', 'us-2']] }));
 * registry.instances(query).pipe(preferZone('eu-1', { mode: 'proportional', traffic: { 'eu-1': 30, 'eu-2': 10 } }));
 * ```
 */
export function preferZone(zone: string, options: PreferZoneOptions = {}): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options);
  if (typeof zone !== 'string' || zone === '') throw new InvalidOptionError('zone', 'the name of a zone', zone);
  const { mode = 'fallback', zoneOf = 'zone' } = options;
  if (mode !== 'fallback' && mode !== 'proportional') {
    throw new InvalidOptionError('mode', "'fallback' or 'proportional'", mode);
  }
  if (typeof zoneOf !== 'function' && (typeof zoneOf !== 'string' || zoneOf === '')) {
    throw new InvalidOptionError('zoneOf', 'the name of a parameter, or a function', zoneOf);
  }
  const nameOf = typeof zoneOf === 'string' ? (instance: ServiceUrl) => instance.parameter(zoneOf) : zoneOf;
  const zoneNameOf = (instance: ServiceUrl): string => nameOf(instance) ?? '';
  return mode === 'proportional' ? inProportion(zone, options, zoneNameOf) : withFallback(zone, options, zoneNameOf);
}

type ZoneNameOf = (instance: ServiceUrl) => string;

function withFallback(
  zone: string,
  options: PreferZoneOptions,
  zoneNameOf: ZoneNameOf,
): MonoTypeOperatorFunction<InstanceSet> {
  const { fallback = [], elsewhere = true, traffic } = options;
  checked('traffic', traffic, "nothing, unless `mode` is 'proportional'", traffic === undefined);
  const minimum = count('minimum', options.minimum, 1);
  if (typeof elsewhere !== 'boolean') throw new InvalidOptionError('elsewhere', 'true or false', elsewhere);
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
  return drive(
    () => new Preference((instance) => tiers.get(zoneNameOf(instance)) ?? last, fallback.length + 2, minimum),
  );
}

function inProportion(
  zone: string,
  options: PreferZoneOptions,
  zoneNameOf: ZoneNameOf,
): MonoTypeOperatorFunction<InstanceSet> {
  for (const name of ['minimum', 'fallback', 'elsewhere'] as const) {
    checked(name, options[name], "nothing, since `mode` is 'proportional'", options[name] === undefined);
  }
  const { traffic } = options;
  if (traffic === undefined) return drive(() => new ZoneProportion(zone, zoneNameOf, undefined));
  const byZone = new Map(Object.entries(optionsObject(traffic, 'an object with a number for each zone', 'traffic')));
  const areAmounts = [...byZone.values()].every((amount) => Number.isFinite(amount) && amount >= 0);
  checked('traffic', traffic, 'finite numbers from 0 up by zone', areAmounts);
  checked(
    'traffic',
    traffic,
    `more than 0 for ${quoted(zone)}, where the calls come from`,
    (byZone.get(zone) ?? 0) > 0,
  );
  return drive(() => new ZoneProportion(zone, zoneNameOf, byZone));
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
