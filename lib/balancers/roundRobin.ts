import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from './balancer.js';
import { Chain, type Link } from './shared/chain.js';
import { Tiers } from './shared/tiers.js';

/** A candidate in the circle. */
interface Turn extends Link<Turn> {
  readonly candidate: Candidate;
  circle: Chain<Turn>;
}

/**
 * A balancer that picks each instance in turn, without regard to how much it weighs.
 *
 * As long as nobody comes or goes, each is picked once before anybody is picked again. Who comes is last in the round, and
 * who goes is skipped, so no change makes anybody lose a turn or have two. Instances of weight 0 are picked only if there
 * are no others.
 *
 * A pick and a change cost O(1).
 *
 * @example
 * ```ts
 * instances.pipe(balance(roundRobin()));
 * ```
 */
export function roundRobin(): BalancerFactory {
  return () => new RoundRobin();
}

class RoundRobin implements Balancer {
  readonly #turns = new Map<Candidate, Turn>();
  readonly #circles = new Tiers(() => new Chain<Turn>());

  add(candidate: Candidate): void {
    const circle = this.#circles.of(candidate);
    const turn: Turn = { candidate, circle, next: undefined, previous: undefined };
    this.#turns.set(candidate, turn);
    circle.append(turn);
  }

  changed(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    const circle = this.#circles.of(candidate);
    if (circle === turn.circle) return;
    turn.circle.remove(turn);
    turn.circle = circle;
    circle.append(turn);
  }

  remove(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    this.#turns.delete(candidate);
    turn.circle.remove(turn);
  }

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const circle = this.#circles.current;
    let turn = circle.first;
    if (turn && avoid?.(turn.candidate)) turn = this.#nextOf(turn, avoid);
    if (!turn) return undefined;
    // Who is skipped keeps the turn.
    circle.remove(turn);
    circle.append(turn);
    return turn.candidate;
  }

  #nextOf(first: Turn, avoid: AvoidCandidate): Turn | undefined {
    let turn = first.next!;
    while (turn !== first && avoid(turn.candidate)) turn = turn.next!;
    return turn === first ? undefined : turn;
  }
}
