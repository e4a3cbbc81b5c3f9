import { optionalFunction, optionsObject } from '../internal/options.js';
import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from './balancer.js';
import type { RandomOptions } from './random.js';
import { type Ranked, Ranking } from './shared/ranking.js';
import { shareOf } from './shared/weight.js';

/**
 * A balancer that picks the instance with the fewest calls under way for its weight.
 *
 * Only calls made through `Picker.use` or counted by the {@link CallMeter} are known. What is compared is
 * `in flight / weight`; equals take turns, as often as they weigh, so an idle set is served by smooth weighted round robin.
 * Where Dubbo's `leastactive` compares calls as they are and lets weights decide among equals only, here an instance of twice
 * the weight is given twice the calls at once. An instance that comes has its first turn anywhere in the round, drawn by each
 * client for itself: or else clients that start together would all call the same instances, and all call a new one at the same
 * time. Instances of weight 0 are picked only if there are no others.
 *
 * A pick, a call's beginning and its end, and a change cost O(log n).
 *
 * @param options - What first turns are drawn with: with `{ random: () => 0 }`, for tests, equals are in the order they came in.
 * @throws InvalidOptionError if `random` is no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(leastLoaded()));
 * ```
 */
export function leastLoaded(options: RandomOptions = {}): BalancerFactory {
  optionsObject(options);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return () => new LeastLoaded(draw);
}

class LeastLoaded implements Balancer {
  readonly #loads = new Map<Candidate, Ranked>();
  readonly #ranking: Ranking<Ranked>;

  constructor(draw: () => number) {
    this.#ranking = new Ranking(draw);
  }

  add(candidate: Candidate): void {
    const load: Ranked = {
      candidate,
      score: loadOf(candidate),
      turn: 0,
      share: 0,
      isSpare: false,
      order: 0,
      position: -1,
    };
    this.#loads.set(candidate, load);
    this.#ranking.add(load);
  }

  changed(candidate: Candidate): void {
    const load = this.#loads.get(candidate)!;
    load.score = loadOf(candidate);
    this.#ranking.moved(load);
  }

  remove(candidate: Candidate): void {
    this.#ranking.remove(this.#loads.get(candidate)!);
    this.#loads.delete(candidate);
  }

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const best = this.#ranking.best(avoid);
    if (best) this.#ranking.serve(best);
    return best?.candidate;
  }

  started(candidate: Candidate): void {
    this.changed(candidate);
  }

  ended(candidate: Candidate): void {
    this.changed(candidate);
  }
}

function loadOf(candidate: Candidate): number {
  return candidate.inFlight / shareOf(candidate);
}
