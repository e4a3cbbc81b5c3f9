import type { TimestampProvider } from 'rxjs';
import type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from './balancer.js';
import { checkBalancer, makeBalancer } from './makeBalancer.js';
import { Chain, type Link } from './shared/chain.js';
import { count, optionsObject } from './shared/options.js';

/** How much {@link sticky} remembers. */
export interface StickyOptions {
  /** How many keys are remembered; beyond that, the one that was not asked for the longest is forgotten. @defaultValue 10_000 */
  readonly maxKeys?: number | undefined;
}

/** A key with the candidate it is kept on. */
interface Bond extends Link<Bond> {
  readonly key: string;
  readonly candidate: Candidate;
}

/**
 * A balancer that lets another one pick for each key once, and keeps the key there for as long as the instance is in the set.
 *
 * A change of the instance, of its weight also, does not move the key: with weight 0 an instance keeps the keys it has and
 * gets no new ones, which is how to empty it. When it leaves the set all its keys are forgotten, and each is picked for anew.
 * Calls without a key go where the other balancer says, and so does a call that shall not go to where its key is, such as one
 * that is tried again.
 *
 * A pick for a key that is remembered costs O(1) and allocates nothing; an instance that leaves costs as much as it has keys.
 * Memory is bounded by `maxKeys`.
 *
 * @param balancer - Picks for keys that are new, and for calls without a key.
 * @throws InvalidOptionError if `maxKeys` is no whole number from 1 up.
 *
 * @example
 * ```ts
 * instances.pipe(balance(sticky(leastLoaded(), { maxKeys: 100_000 })));
 * picker.use(request.sessionId, (target) => call(target, request));
 * ```
 */
export function sticky(balancer: BalancerFactory, options: StickyOptions = {}): BalancerFactory {
  checkBalancer(balancer);
  optionsObject(options);
  const maxKeys = count('maxKeys', options.maxKeys ?? 10_000);
  return (clock) => new Sticky(balancer, clock, maxKeys);
}

class Sticky implements Balancer {
  readonly #balancer: Balancer;
  readonly #maxKeys: number;
  readonly #bonds = new Map<string, Bond>();
  readonly #byCandidate = new Map<Candidate, Set<Bond>>();
  /** Those that were not asked for the longest first. */
  readonly #byUse = new Chain<Bond>();

  constructor(balancer: BalancerFactory, clock: TimestampProvider, maxKeys: number) {
    this.#balancer = makeBalancer(balancer, clock);
    this.#maxKeys = maxKeys;
  }

  add(candidate: Candidate): void {
    this.#balancer.add(candidate);
  }

  changed(candidate: Candidate): void {
    this.#balancer.changed?.(candidate);
  }

  remove(candidate: Candidate): void {
    for (const bond of this.#byCandidate.get(candidate) ?? []) this.#forget(bond);
    this.#balancer.remove(candidate);
  }

  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    if (key === undefined) return this.#balancer.pick(undefined, avoid);
    const known = this.#bonds.get(key);
    if (known) {
      this.#byUse.remove(known);
      this.#byUse.append(known);
      // Avoiding it is for this call only: the key stays where it is.
      return avoid?.(known.candidate) ? this.#balancer.pick(key, avoid) : known.candidate;
    }
    const candidate = this.#balancer.pick(key, avoid);
    if (candidate) this.#remember({ key, candidate, next: undefined, previous: undefined });
    return candidate;
  }

  started(candidate: Candidate): void {
    this.#balancer.started?.(candidate);
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    this.#balancer.ended?.(candidate, latencyMs, result);
  }

  #remember(bond: Bond): void {
    if (this.#bonds.size === this.#maxKeys) this.#forget(this.#byUse.first!);
    this.#bonds.set(bond.key, bond);
    this.#byUse.append(bond);
    const others = this.#byCandidate.get(bond.candidate);
    if (others) others.add(bond);
    else this.#byCandidate.set(bond.candidate, new Set([bond]));
  }

  #forget(bond: Bond): void {
    const bonds = this.#byCandidate.get(bond.candidate)!;
    bonds.delete(bond);
    if (bonds.size === 0) this.#byCandidate.delete(bond.candidate);
    this.#bonds.delete(bond.key);
    this.#byUse.remove(bond);
  }
}
