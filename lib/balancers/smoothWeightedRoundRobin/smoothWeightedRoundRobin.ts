import { optionalFunction, optionsObject } from '../../internal/options.js';
import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from '../balancer.js';
import { FairQueue, type Served } from './fairQueue.js';
import type { RandomOptions } from '../random.js';
import { Tiers } from '../shared/tiers.js';
import { shareOf } from '../shared/weight.js';

/** A candidate in a queue. */
interface Turn extends Served {
  readonly candidate: Candidate;
  queue: FairQueue<Turn>;
}

/**
 * A balancer that picks each instance in turn, as often as it weighs, its picks spread evenly among those of the others.
 *
 * With weights 5, 1 and 1 that is `a a a b a a c` and not `a a a a a b c`. After any number of picks from a set at rest each
 * instance has been picked as often as its weight says, give or take two picks: about as smooth as what nginx is known for, which
 * looks at all instances for each pick. An instance that comes has its first turn anywhere in its
 * round, drawn by each client for itself: or else clients that start together would all call the same instances, and all call a
 * new one at the same time. What an instance is owed, or has been given in advance, when its weight changes or somebody leaves,
 * is kept. Instances of weight 0 are picked only if there are no others.
 *
 * A pick and a change cost O(log n): turns are kept in virtual time, in two heaps (earliest deadline first among those who are
 * due; sources in the code).
 *
 * @param options - What first turns are drawn with: with `{ random: () => 0 }`, for tests, who comes is owed nothing.
 * @throws InvalidOptionError if `random` is no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(smoothWeightedRoundRobin()));
 * ```
 */
export function smoothWeightedRoundRobin(options: RandomOptions = {}): BalancerFactory {
  optionsObject(options);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return () => new SmoothWeightedRoundRobin(draw);
}

class SmoothWeightedRoundRobin implements Balancer {
  readonly #draw: () => number;
  readonly #turns = new Map<Candidate, Turn>();
  readonly #queues = new Tiers(() => new FairQueue<Turn>());

  constructor(draw: () => number) {
    this.#draw = draw;
  }

  add(candidate: Candidate): void {
    const queue = this.#queues.of(candidate);
    const turn: Turn = {
      candidate,
      queue,
      weight: shareOf(candidate),
      position: -1,
      origin: 0,
      served: 0,
      start: 0,
      deadline: 0,
      order: 0,
      waiting: false,
    };
    this.#turns.set(candidate, turn);
    queue.add(turn, this.#draw());
  }

  changed(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    const queue = this.#queues.of(candidate);
    const weight = shareOf(candidate);
    if (queue !== turn.queue) {
      turn.queue.remove(turn);
      turn.queue = queue;
      turn.weight = weight;
      queue.add(turn, this.#draw());
    } else if (weight !== turn.weight) {
      queue.reweigh(turn, weight);
    }
  }

  remove(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    this.#turns.delete(candidate);
    turn.queue.remove(turn);
  }

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const queue = this.#queues.current;
    return (avoid ? queue.serve(({ candidate }) => avoid(candidate)) : queue.serve())?.candidate;
  }
}
