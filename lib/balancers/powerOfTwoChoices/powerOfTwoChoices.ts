import type { TimestampProvider } from 'rxjs';
import { optionalFunction, optionsObject, positiveMs } from '../../internal/options.js';
import type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from '../balancer.js';
import type { RandomOptions } from '../random.js';
import { Tiers } from '../shared/tiers.js';
import { RecentMean } from './recentMean.js';
import { LEAST_MS, UNTRIED_MS } from '../shared/untried.js';
import { shareOf } from '../shared/weight.js';
import { type Sampled, WeightedSampler } from '../shared/weightedSampler.js';

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
  /** The average of its latencies at {@link knownAt}, sensitive to peaks; less than 0 if there are none. */
  costMs: number;
  knownAt: number;
}

/** Latencies that differ by less than this factor are equal. */
const TOLERANCE = 1.25;

/** How often the second choice is drawn until it is not the first: an instance that outweighs all others is to win without. */
const DRAWS = 8;

/**
 * A balancer that draws two instances by weight and picks the one that is expected to answer first.
 *
 * Expected is its latency times its load, which is one more than the calls under way in proportion to the weight. The latency
 * is a moving average that jumps to every peak at once and then goes back slowly to the mean of all answers: an instance that
 * becomes slow is avoided from its first slow answer on, and tried again by and by. Of two whose latencies differ by less than
 * a quarter the first one drawn is picked, unless it has so much more to do than the other that the call is better off
 * there: so instances that answer about equally fast get calls as often as they weigh. Unlike with {@link shortestResponse},
 * clients that see the same do not all run to the same instance. One that never answered is taken for as fast as the others, and
 * tried with one call at a time. A call that is given up after longer than expected counts as slow. An instance that outweighs all others by far is
 * often drawn twice, and then picked without a comparison. Instances of weight 0 are drawn only if there are no others.
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
  readonly #answers: RecentMean;

  constructor(clock: TimestampProvider, draw: () => number, decayMs: number, failurePenaltyMs: number) {
    this.#clock = clock;
    this.#answers = new RecentMean(decayMs);
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

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const sampler = this.#samplers.current;
    const avoided = avoid && (({ candidate }: Choice) => avoid(candidate));
    const one = sampler.draw(avoided);
    if (!one || sampler.size === 1) return one?.candidate;
    let other = one;
    for (let draws = 0; other === one && draws < DRAWS; draws++) other = sampler.draw(avoided)!;
    if (other === one) return one.candidate;
    return (this.#isBetter(other, one, sampler.meanWeight) ? other : one).candidate;
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    const choice = this.#choices.get(candidate)!;
    const now = this.#clock.now();
    const expected = this.#latencyMs(choice, now);
    const seen = Math.max(LEAST_MS, result === 'failed' ? Math.max(latencyMs, this.#failurePenaltyMs) : latencyMs);
    if (result === 'ok') this.#answers.add(seen, now);
    if (result === 'cancelled' && seen <= expected) return;
    choice.costMs = seen > expected ? seen : seen + (choice.costMs - seen) * this.#kept(choice, now);
    choice.knownAt = now;
  }

  /** Whether to give the call to the other one of two. */
  #isBetter(other: Choice, one: Choice, meanWeight: number): boolean {
    const now = this.#clock.now();
    const [otherMs, oneMs] = [this.#expectedMs(other, now), this.#expectedMs(one, now)];
    if (otherMs < oneMs * TOLERANCE && oneMs < otherMs * TOLERANCE) {
      return (other.candidate.inFlight + 1) / other.weight <= one.candidate.inFlight / one.weight;
    }
    return otherMs * loadOf(other, meanWeight) < oneMs * loadOf(one, meanWeight);
  }

  /** What an idle instance is expected to need for a call: if nobody knows, as much as others do, or all clients would try it at once. */
  #expectedMs(choice: Choice, now: number): number {
    if (choice.costMs >= 0) return this.#latencyMs(choice, now);
    return choice.candidate.inFlight > 0 ? UNTRIED_MS : (this.#answers.mean ?? 0);
  }

  #latencyMs(choice: Choice, now: number): number {
    const usual = this.#answers.mean ?? choice.costMs;
    return usual + (choice.costMs - usual) * this.#kept(choice, now);
  }

  #kept({ knownAt }: Choice, now: number): number {
    return Math.exp((knownAt - now) / this.#decayMs);
  }
}

function loadOf({ candidate, weight }: Choice, meanWeight: number): number {
  return 1 + (candidate.inFlight * meanWeight) / weight;
}
