import type { TimestampProvider } from 'rxjs';
import type { Balancer, BalancerFactory, CallResult, Candidate } from './balancer.js';
import { optionalFunction, optionsObject, positiveMs } from './options.js';
import type { RandomOptions } from './random.js';
import { Tiers } from './tiers.js';
import { LEAST_MS, UNTRIED_MS } from './untried.js';
import { DEFAULT_WEIGHT, shareOf } from './weight.js';
import { type Sampled, WeightedSampler } from './weightedSampler.js';

/** How {@link powerOfTwoChoices} remembers. */
export interface PowerOfTwoChoicesOptions extends RandomOptions {
  /** How long a latency is remembered: after so many milliseconds, 1/e of it is left. @defaultValue 10_000 */
  readonly decayMs?: number | undefined;
  /** What a failed call counts as if it took less, in milliseconds: failing fast must not look good. @defaultValue 1_000 */
  readonly failurePenaltyMs?: number | undefined;
}

/** A candidate in a sampler, with what it is expected to need for a call. */
interface Choice extends Sampled {
  readonly candidate: Candidate;
  sampler: WeightedSampler<Choice>;
  /** The average of its latencies at {@link knownAt}, or less than 0 if there are none. */
  costMs: number;
  knownAt: number;
}

/** How often the second choice is drawn until it is not the first: an instance that outweighs all others is to win without. */
const DRAWS = 8;

/**
 * A balancer that draws two instances by weight and picks the one that is expected to answer first.
 *
 * Expected is its latency times the calls under way, this one included and in proportion to its weight. The latency is a
 * moving average that jumps to every peak at once and sinks only slowly: an instance that becomes slow is avoided from its
 * first slow answer on, one that recovered is trusted by and by. Unlike with {@link shortestResponse}, clients that see the
 * same do not all run to the same instance. One that never answered is tried soon, with one call at a time. A call that is
 * given up after longer than expected counts as slow. An instance that outweighs all others by far is often drawn twice, and
 * then picked without a comparison. Instances of weight 0 are drawn only if there are no others.
 *
 * A pick and a change cost O(1).
 *
 * Sources: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996; the peak-sensitive average is that of
 * Twitter's Finagle.
 *
 * @throws InvalidOptionError if `decayMs` or `failurePenaltyMs` is not above 0, or `random` is no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(powerOfTwoChoices({ decayMs: 5_000 })));
 * ```
 */
export function powerOfTwoChoices(options: PowerOfTwoChoicesOptions = {}): BalancerFactory {
  optionsObject(options);
  const decayMs = positiveMs('decayMs', options.decayMs, 10_000);
  const failurePenaltyMs = positiveMs('failurePenaltyMs', options.failurePenaltyMs, 1_000);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return (clock) => new PowerOfTwoChoices(clock, draw, decayMs, failurePenaltyMs);
}

class PowerOfTwoChoices implements Balancer {
  readonly #clock: TimestampProvider;
  readonly #decayMs: number;
  readonly #failurePenaltyMs: number;
  readonly #choices = new Map<Candidate, Choice>();
  readonly #samplers: Tiers<WeightedSampler<Choice>>;

  constructor(clock: TimestampProvider, draw: () => number, decayMs: number, failurePenaltyMs: number) {
    this.#clock = clock;
    this.#decayMs = decayMs;
    this.#failurePenaltyMs = failurePenaltyMs;
    this.#samplers = new Tiers(() => new WeightedSampler<Choice>(draw));
  }

  add(candidate: Candidate): void {
    const sampler = this.#samplers.of(candidate);
    const choice: Choice = { candidate, sampler, weight: shareOf(candidate), place: 0, costMs: -1, knownAt: 0 };
    this.#choices.set(candidate, choice);
    sampler.add(choice);
  }

  changed(candidate: Candidate): void {
    const choice = this.#choices.get(candidate)!;
    choice.sampler.remove(choice);
    choice.weight = shareOf(candidate);
    choice.sampler = this.#samplers.of(candidate);
    choice.sampler.add(choice);
  }

  remove(candidate: Candidate): void {
    const choice = this.#choices.get(candidate)!;
    this.#choices.delete(candidate);
    choice.sampler.remove(choice);
  }

  pick(): Candidate | undefined {
    const sampler = this.#samplers.current;
    const one = sampler.draw();
    if (!one || sampler.size === 1) return one?.candidate;
    let other = one;
    for (let draws = 0; other === one && draws < DRAWS; draws++) other = sampler.draw()!;
    if (other === one) return one.candidate;
    const now = this.#clock.now();
    return (this.#expectedMs(other, now) < this.#expectedMs(one, now) ? other : one).candidate;
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    const choice = this.#choices.get(candidate)!;
    const now = this.#clock.now();
    const kept = Math.exp((choice.knownAt - now) / this.#decayMs);
    const expected = choice.costMs * kept;
    const seen = Math.max(LEAST_MS, result === 'failed' ? Math.max(latencyMs, this.#failurePenaltyMs) : latencyMs);
    if (seen > expected) choice.costMs = seen;
    else if (result === 'cancelled') return;
    else choice.costMs = expected + seen * (1 - kept);
    choice.knownAt = now;
  }

  #expectedMs({ candidate, weight, costMs, knownAt }: Choice, now: number): number {
    const { inFlight } = candidate;
    const load = 1 + (inFlight * DEFAULT_WEIGHT) / weight;
    if (costMs < 0) return inFlight > 0 ? UNTRIED_MS * load : 0;
    return costMs * Math.exp((knownAt - now) / this.#decayMs) * load;
  }
}
