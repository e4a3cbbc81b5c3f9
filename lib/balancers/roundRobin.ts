import { optionalFunction, optionsObject } from '../internal/options.js';
import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from './balancer.js';
import type { RandomOptions } from './random.js';
import { Chain, type Link } from './shared/chain.js';
import { Tiers } from './shared/tiers.js';

/** A candidate in a round. */
interface Turn extends Link<Turn> {
  readonly candidate: Candidate;
  round: Round;
  /** Where it is in the list of its round. */
  place: number;
}

/**
 * A balancer that picks each instance in turn, without regard to how much it weighs.
 *
 * As long as nobody comes or goes, each is picked once before anybody is picked again. Who comes has its first turn anywhere in
 * the round, and who goes is skipped, so no change makes anybody lose a turn or have two. Every client draws its own order: or
 * else clients that start together would all call one instance after the other, and all call a new one at the same time.
 * Instances of weight 0 are picked only if there are no others.
 *
 * A pick and a change cost O(1).
 *
 * @param options - What the order is drawn with: with `{ random: () => 0 }`, for tests, who comes is last in the round.
 * @throws InvalidOptionError if `random` is no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(roundRobin()));
 * ```
 */
export function roundRobin(options: RandomOptions = {}): BalancerFactory {
  optionsObject(options);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return () => new RoundRobin(draw);
}

class RoundRobin implements Balancer {
  readonly #draw: () => number;
  readonly #turns = new Map<Candidate, Turn>();
  readonly #rounds = new Tiers(() => new Round());

  constructor(draw: () => number) {
    this.#draw = draw;
  }

  add(candidate: Candidate): void {
    const round = this.#rounds.of(candidate);
    const turn: Turn = { candidate, round, place: 0, next: undefined, previous: undefined };
    this.#turns.set(candidate, turn);
    round.insert(turn, this.#draw());
  }

  changed(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    const round = this.#rounds.of(candidate);
    if (round === turn.round) return;
    turn.round.remove(turn);
    turn.round = round;
    round.insert(turn, this.#draw());
  }

  remove(candidate: Candidate): void {
    const turn = this.#turns.get(candidate)!;
    this.#turns.delete(candidate);
    turn.round.remove(turn);
  }

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    return this.#rounds.current.serve(avoid)?.candidate;
  }
}

/** Turns in a circle. */
class Round {
  readonly #circle = new Chain<Turn>();
  /** In no order, to draw from. */
  readonly #list: Turn[] = [];

  get size(): number {
    return this.#circle.size;
  }

  /** Puts one in: last if the part is 0, and before any of the others by the rest of it. */
  insert(turn: Turn, part: number): void {
    const other = this.#list[Math.floor(part * (this.#list.length + 1)) - 1];
    if (other) this.#circle.insertBefore(turn, other);
    else this.#circle.append(turn);
    turn.place = this.#list.length;
    this.#list.push(turn);
  }

  remove(turn: Turn): void {
    this.#circle.remove(turn);
    const last = this.#list.pop()!;
    if (last === turn) return;
    this.#list[turn.place] = last;
    last.place = turn.place;
  }

  /** Ends the first turn that is not to be avoided; who is skipped keeps the turn. */
  serve(avoid?: AvoidCandidate): Turn | undefined {
    let turn = this.#circle.first;
    if (turn && avoid?.(turn.candidate)) turn = nextOf(turn, avoid);
    if (!turn) return undefined;
    this.#circle.remove(turn);
    this.#circle.append(turn);
    return turn;
  }
}

function nextOf(first: Turn, avoid: AvoidCandidate): Turn | undefined {
  let turn = first.next!;
  while (turn !== first && avoid(turn.candidate)) turn = turn.next!;
  return turn === first ? undefined : turn;
}
