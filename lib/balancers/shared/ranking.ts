import type { AvoidCandidate, Candidate } from '../balancer.js';
import { type HeapItem, IndexedHeap } from '../../internal/indexedHeap.js';
import { shareOf } from './weight.js';

/** A candidate with a score. */
export interface Ranked extends HeapItem {
  readonly candidate: Candidate;
  /** The lower the better; whoever writes it says so to {@link Ranking.moved}. */
  score: number;
  /** When it is due among its equals. Only the ranking writes it. */
  turn: number;
  /** The weight that {@link turn} was reckoned with. Only the ranking writes it. */
  share: number;
  /** Whether it has weight 0. Only the ranking writes it. */
  isSpare: boolean;
  /** Who comes first if all is equal. Only the ranking writes it. */
  order: number;
}

/**
 * Candidates by score, lowest first, at O(log n) a change; equals take turns, each as often as it weighs, and those of
 * weight 0 come behind all others.
 *
 * A turn is over after `1 / weight` of virtual time; who joins waits for a part of that, which is drawn. When the weight changes, so does what is left of the turn: or else one
 * that had a turn at a low weight would wait for it at a high one.
 */
export class Ranking<T extends Ranked> {
  readonly #heap = new IndexedHeap<T>(isBefore);
  readonly #draw: () => number;
  #now = 0;
  #joined = 0;

  /** @param draw - Draws a number from 0 up to but not including 1: the part of a turn that one who joins waits for. */
  constructor(draw: () => number) {
    this.#draw = draw;
  }

  /** Puts one in. */
  add(item: T): void {
    this.#join(item);
    item.order = this.#joined++;
    this.#heap.push(item);
  }

  /** Takes one out. */
  remove(item: T): void {
    this.#heap.remove(item);
  }

  /** Says that the score of one, or its weight, is another now. */
  moved(item: T): void {
    const share = shareOf(item.candidate);
    if (item.isSpare !== (item.candidate.weight === 0)) {
      this.#join(item);
    } else if (share !== item.share) {
      if (item.turn > this.#now) item.turn = this.#now + ((item.turn - this.#now) * item.share) / share;
      item.share = share;
    }
    this.#heap.moved(item);
  }

  /** The best one, of those that are not to be avoided: none of weight 0 as long as there are others, to be avoided or not. */
  best(avoid?: AvoidCandidate): T | undefined {
    const { first } = this.#heap;
    if (!first || !avoid?.(first.candidate)) return first;
    const avoided: T[] = [];
    let best: T | undefined = first;
    for (; best && avoid(best.candidate); best = this.#heap.first) {
      this.#heap.remove(best);
      avoided.push(best);
    }
    for (const item of avoided) this.#heap.push(item);
    return best?.isSpare === first.isSpare ? best : undefined;
  }

  /** Ends the turn of one. */
  serve(item: T): void {
    // Who was not among the best for a while has no turns to make up for.
    this.#now = Math.max(this.#now, item.turn);
    item.turn = this.#now + 1 / item.share;
    this.#heap.moved(item);
  }

  #join(item: T): void {
    item.share = shareOf(item.candidate);
    item.turn = this.#now + this.#draw() / item.share;
    item.isSpare = item.candidate.weight === 0;
  }
}

function isBefore(a: Ranked, b: Ranked): boolean {
  if (a.isSpare !== b.isSpare) return b.isSpare;
  if (a.score !== b.score) return a.score < b.score;
  if (a.turn !== b.turn) return a.turn < b.turn;
  return a.order < b.order;
}
