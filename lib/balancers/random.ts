import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from './balancer.js';
import { optionalFunction, optionsObject } from './shared/options.js';
import { Tiers } from './shared/tiers.js';
import { shareOf } from './shared/weight.js';
import { type Sampled, WeightedSampler } from './shared/weightedSampler.js';

/** What a balancer that draws lots draws them with. */
export interface RandomOptions {
  /** Draws a number from 0 up to but not including 1. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
}

/** A candidate in a sampler. */
interface Lot extends Sampled {
  readonly candidate: Candidate;
  sampler: WeightedSampler<Lot>;
}

/**
 * A balancer that draws an instance by weight, whatever was drawn before.
 *
 * Each instance is drawn with the probability `weight / total weight`, exactly. Instances of weight 0 are drawn only if there
 * are no others, and then evenly.
 *
 * A pick and a change cost O(1): the alias method over the powers of two of the weights, and rejection within one.
 *
 * @throws InvalidOptionError if `random` is no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(random()));
 * ```
 */
export function random(options: RandomOptions = {}): BalancerFactory {
  optionsObject(options);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return () => new Random(draw);
}

class Random implements Balancer {
  readonly #lots = new Map<Candidate, Lot>();
  readonly #samplers: Tiers<WeightedSampler<Lot>>;

  constructor(draw: () => number) {
    this.#samplers = new Tiers(() => new WeightedSampler<Lot>(draw));
  }

  add(candidate: Candidate): void {
    const sampler = this.#samplers.of(candidate);
    const lot: Lot = { candidate, sampler, weight: shareOf(candidate), place: 0 };
    this.#lots.set(candidate, lot);
    sampler.add(lot);
  }

  changed(candidate: Candidate): void {
    const lot = this.#lots.get(candidate)!;
    lot.sampler.remove(lot);
    lot.weight = shareOf(candidate);
    lot.sampler = this.#samplers.of(candidate);
    lot.sampler.add(lot);
  }

  remove(candidate: Candidate): void {
    const lot = this.#lots.get(candidate)!;
    this.#lots.delete(candidate);
    lot.sampler.remove(lot);
  }

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const sampler = this.#samplers.current;
    return (avoid ? sampler.draw(({ candidate }) => avoid(candidate)) : sampler.draw())?.candidate;
  }
}
