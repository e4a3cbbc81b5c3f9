import type { ServiceUrl } from '../../dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../instances/index.js';
import { SetFollower } from '../../operators/setFollower.js';
import type { SetMachine } from '../../operators/setMachine.js';
import { type ConsumerSide, overridden } from './overridden.js';
import type { OverrideRule } from './rule.js';
import { RulesByHost } from './rulesByHost.js';

/** What an {@link Overrider} takes in. */
export type OverriderInput =
  | { readonly type: 'instances'; readonly instances: InstanceSet }
  /** The rules of one place: a key, or {@link NODES}. */
  | { readonly type: 'rules'; readonly place: string; readonly rules: readonly OverrideRule[] };

/** The place of the rules that are nodes of the registry, told apart from any key. */
export const NODES = '';

/** How an {@link Overrider} works. */
export interface OverriderOptions {
  readonly consumer: ConsumerSide;
  /** The keys whose rules an instance is under, in the order in which they apply. */
  readonly placesOf: (instance: ServiceUrl) => readonly string[];
  /** Places that are wanted whatever instances there are. */
  readonly pinned: readonly string[];
  readonly waitMs: number;
}

interface Entry {
  readonly instance: ServiceUrl;
  readonly places: readonly string[];
}

const NO_RULES = new RulesByHost([]);

/** Applies rules to the instances of a set, both of which change, and knows the places whose rules it wants. */
export class Overrider implements SetMachine<OverriderInput> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #entries = new Map<string, Entry>();
  readonly #rules = new Map<string, RulesByHost>();
  /** The places whose rules are waited for, and until when; in that order. */
  readonly #awaited = new Map<string, number>();
  /** Instances that nobody was told of, because rules of theirs are awaited. */
  readonly #held = new Set<string>();
  /** How many want the rules of a place. */
  readonly #wanted = new Map<string, number>();
  readonly #options: OverriderOptions;
  #places: ReadonlySet<string>;
  #hasTold = false;

  constructor(options: OverriderOptions) {
    this.#options = options;
    for (const place of options.pinned) this.#wanted.set(place, 1);
    this.#places = new Set(this.#wanted.keys());
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  /** The places whose rules are wanted: another set whenever that changes. */
  get places(): ReadonlySet<string> {
    return this.#places;
  }

  get dueMs(): number | undefined {
    return this.#awaited.values().next().value;
  }

  take(input: OverriderInput, nowMs: number): boolean {
    if (input.type === 'instances') return this.#takeInstances(input.instances, nowMs);
    const { place, rules } = input;
    this.#awaited.delete(place);
    this.#rules.set(place, new RulesByHost(rules));
    return this.#tell([...this.#entries].filter(([, { places }]) => places.includes(place)).map(([key]) => key));
  }

  wake(nowMs: number): boolean {
    for (const [place, dueMs] of this.#awaited) {
      if (dueMs > nowMs) break;
      this.#awaited.delete(place);
      this.#rules.set(place, NO_RULES);
    }
    return this.#tell([...this.#held], true);
  }

  end(): boolean {
    return this.wake(Infinity);
  }

  #takeInstances(instances: InstanceSet, nowMs: number): boolean {
    const changes = this.#source.follow(instances);
    const left = changes.flatMap(({ key }) => this.#entries.get(key)?.places ?? []);
    let hasNewPlaces = false;
    for (const { key, after } of changes) {
      this.#entries.delete(key);
      if (!after) continue;
      const places = this.#options.placesOf(after);
      this.#entries.set(key, { instance: after, places });
      for (const place of places) hasNewPlaces = this.#want(place, nowMs) || hasNewPlaces;
    }
    // Only now: a place that one instance leaves and another enters stays known.
    const hasLost = left.filter((place) => this.#leave(place)).length > 0;
    if (hasNewPlaces || hasLost) this.#places = new Set(this.#wanted.keys());
    return this.#tell(changes.map(({ key }) => key));
  }

  /** Tells whether the place is a new one. */
  #want(place: string, nowMs: number): boolean {
    const wanted = this.#wanted.get(place) ?? 0;
    this.#wanted.set(place, wanted + 1);
    // From when the first instance needs them: before, nobody waits.
    if (!this.#rules.has(place) && !this.#awaited.has(place)) this.#awaited.set(place, nowMs + this.#options.waitMs);
    return wanted === 0;
  }

  /** Tells whether nobody wants the place any more. */
  #leave(place: string): boolean {
    const wanted = this.#wanted.get(place)! - 1;
    if (wanted > 0) this.#wanted.set(place, wanted);
    else for (const map of [this.#wanted, this.#rules, this.#awaited]) map.delete(place);
    return wanted === 0;
  }

  #tell(keys: readonly string[], isLate = false): boolean {
    const hasChanged = this.#ledger.write(keys.map((key) => [key, this.#decide(key)] as const)).length > 0;
    if (this.#hasTold) return hasChanged;
    // The first set is told as a whole, so that nobody takes a part of it for all there is; but those who come meanwhile, and
    // have to wait themselves, make nobody wait longer.
    this.#hasTold = this.#source.hasBegun && (this.#held.size === 0 || (isLate && this.#ledger.size > 0));
    return this.#hasTold;
  }

  /** What is told of an instance. */
  #decide(key: string): ServiceUrl | undefined {
    const entry = this.#entries.get(key);
    this.#held.delete(key);
    if (!entry) return undefined;
    const { instance, places } = entry;
    const told = this.#ledger.get(key);
    // Who was told of once is not taken back to wait.
    if (!told && places.some((place) => this.#awaited.has(place))) {
      this.#held.add(key);
      return undefined;
    }
    const { consumer } = this.#options;
    const rules = places.flatMap((place) => this.#rules.get(place)?.for(instance.host, consumer.host) ?? []);
    const decided = overridden(instance, rules, consumer);
    return decided !== instance && decided && told?.equals(decided) ? told : decided;
  }
}
