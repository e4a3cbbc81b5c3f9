import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from '../balancer.js';
import { FairQueue, type Served } from './fairQueue.js';
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
 * instance has been picked as often as its weight says, give or take one pick: at least as smooth as what nginx is known for,
 * which looks at all instances for each pick. An instance that comes or changes its weight is owed nothing for the time
 * before; what it is owed, or has been given in advance, when its weight changes or somebody leaves, is kept. Instances of
 * weight 0 are picked only if there are no others.
 *
 * A pick and a change cost O(log n): turns are kept in virtual time, in two heaps (earliest deadline first among those who are
 * due; sources in the code).
 *
 * @example
 * ```ts
 * instances.pipe(balance(smoothWeightedRoundRobin()));
 * ```
 */
export function smoothWeightedRoundRobin(): BalancerFactory {
  return () => new SmoothWeightedRoundRobin();
}

class SmoothWeightedRoundRobin implements Balancer {
  readonly #turns = new Map<Candidate, Turn>();
  readonly #queues = new Tiers(() => new FairQueue<Turn>());

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
    queue.add(turn);
  }

  changed(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    const queue = this.#queues.of(candidate);
    const weight = shareOf(candidate);
    if (queue !== turn.queue) {
      turn.queue.remove(turn);
      turn.queue = queue;
      turn.weight = weight;
      queue.add(turn);
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
