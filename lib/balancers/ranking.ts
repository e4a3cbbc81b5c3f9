import type { Candidate } from './balancer.js';
import { type HeapItem, IndexedHeap } from '../internal/indexedHeap.js';
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
 * A turn is over after `1 / weight` of virtual time. When the weight changes, so does what is left of the turn: or else one
 * that had a turn at a low weight would wait for it at a high one.
 */
export class Ranking<T extends Ranked> {
  readonly #heap = new IndexedHeap<T>(isBefore);
  #now = 0;
  #joined = 0;

  /** The best one. */
  get first(): T | undefined {
    return this.#heap.first;
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

  /** The best one, whose turn this was. */
  take(): T | undefined {
    const item = this.#heap.first;
    if (!item) return undefined;
    // Who was not among the best for a while has no turns to make up for.
    this.#now = Math.max(this.#now, item.turn);
    item.turn = this.#now + 1 / item.share;
    this.#heap.moved(item);
    return item;
  }

  #join(item: T): void {
    item.turn = this.#now;
    item.share = shareOf(item.candidate);
    item.isSpare = item.candidate.weight === 0;
  }
}

function isBefore(a: Ranked, b: Ranked): boolean {
  if (a.isSpare !== b.isSpare) return b.isSpare;
  if (a.score !== b.score) return a.score < b.score;
  if (a.turn !== b.turn) return a.turn < b.turn;
  return a.order < b.order;
}
