import { type HeapItem, IndexedHeap } from '../../internal/indexedHeap.js';

/** What can be in a {@link FairQueue}; all but the weight is the queue's business. */
export interface Served extends HeapItem {
  /** A whole number above 0; changes only through {@link FairQueue.reweigh}. */
  weight: number;
  /** From when on it is served as often as `served` says, in virtual time. */
  origin: number;
  served: number;
  /** Until when it has had its share, and when it has to have had the next turn. */
  start: number;
  deadline: number;
  /** Who comes first among equals. */
  order: number;
  /** Whether it is in the heap of those who have had their share for now. */
  waiting: boolean;
}

/**
 * Serves many in turn, each as often as its weight says and as evenly spread as can be: after every turn each has had what
 * its weight entitles it to, give or take one turn.
 *
 * Virtual time goes on by `1 / total weight` with each turn, so that whoever weighs `w` is due every `1 / w`. Of those who are
 * due within this turn the one with the earliest deadline is served: two heaps, one by the time they are due and one by
 * deadline, O(log n) a turn. Who is not due yet may not be served, which is what keeps a heavy one from having all its turns
 * at once.
 *
 * Sources: R. Tijdeman, "The chairman assignment problem", 1980, for what can be achieved; S. K. Baruah, N. K. Cohen,
 * C. G. Plaxton, D. A. Varvel, "Proportionate Progress", 1996, for how; I. Stoica, H. Abdel-Wahab, "Earliest Eligible Virtual
 * Deadline First", 1995, for the changes meanwhile.
 */
export class FairQueue<T extends Served> {
  readonly #due = new IndexedHeap<T>(
    (a, b) => a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order),
  );
  readonly #waiting = new IndexedHeap<T>((a, b) => a.start < b.start || (a.start === b.start && a.order < b.order));
  #totalWeight = 0;
  // Counted from the last change and not added up, so that no rounding errors add up either.
  #origin = 0;
  #turns = 0;
  #joined = 0;

  /** How many there are. */
  get size(): number {
    return this.#due.size + this.#waiting.size;
  }

  /**
   * Lets one join.
   *
   * @param part - When in its round it has its first turn, from 0 up to but not including 1: of a turn it is owed so much, or less by
   * a whole one, so that those who join together are owed nothing on average.
   */
  add(item: T, part = 0): void {
    const owed = part < 0.5 ? part : part - 1;
    this.#rebase(this.#now);
    this.#totalWeight += item.weight;
    item.order = this.#joined++;
    this.#setStart(item, this.#origin - owed / item.weight);
    this.#enqueue(item);
  }

  /** Lets one go; what it was owed, or had been given in advance, is shared by those who stay. */
  remove(item: T): void {
    const now = this.#now;
    const owed = (now - item.start) * item.weight;
    this.#dequeue(item);
    this.#totalWeight -= item.weight;
    this.#rebase(this.#totalWeight > 0 ? now + owed / this.#totalWeight : 0);
  }

  /** Gives one another weight; what it is owed, or has been given in advance, stays. */
  reweigh(item: T, weight: number): void {
    const now = this.#now;
    const owed = (now - item.start) * item.weight;
    this.#dequeue(item);
    this.#totalWeight += weight - item.weight;
    item.weight = weight;
    this.#rebase(now);
    this.#setStart(item, now - owed / weight);
    this.#enqueue(item);
  }

  /**
   * Serves whose turn it is; `undefined` if there is nobody.
   *
   * @param avoid - Whom to skip: who is skipped is owed the turn, but not more than one however often that happens.
   */
  serve(avoid?: (item: T) => boolean): T | undefined {
    if (this.#totalWeight === 0) return undefined;
    const before = this.#now;
    this.#turns += 1;
    const turnEnds = this.#now;
    for (let next = this.#waiting.first; next && next.start < turnEnds; next = this.#waiting.first) {
      this.#dequeue(next);
      next.waiting = false;
      this.#due.push(next);
    }
    const item = avoid ? this.#skip(avoid, before) : this.#first;
    if (!item) return undefined;
    this.#dequeue(item);
    item.served += 1;
    item.start = item.origin + item.served / item.weight;
    item.deadline = item.origin + (item.served + 1) / item.weight;
    this.#enqueue(item);
    return item;
  }

  get #first(): T | undefined {
    return this.#due.first ?? this.#waiting.first;
  }

  /** The first one that is not to be avoided. For the time of this turn the others do not count. */
  #skip(avoid: (item: T) => boolean, before: number): T | undefined {
    const skipped: T[] = [];
    let weight = this.#totalWeight;
    let item = this.#first;
    for (; item && avoid(item); item = this.#first) {
      this.#dequeue(item);
      skipped.push(item);
      weight -= item.weight;
    }
    if (skipped.length === 0) return item;
    this.#rebase(item ? before + 1 / weight : before);
    for (const each of skipped) {
      if ((this.#origin - each.start) * each.weight > 1) this.#setStart(each, this.#origin - 1 / each.weight);
      this.#enqueue(each);
    }
    return item;
  }

  get #now(): number {
    return this.#turns === 0 ? this.#origin : this.#origin + this.#turns / this.#totalWeight;
  }

  #rebase(now: number): void {
    this.#origin = now;
    this.#turns = 0;
  }

  #setStart(item: T, start: number): void {
    item.origin = start;
    item.served = 0;
    item.start = start;
    item.deadline = start + 1 / item.weight;
  }

  #enqueue(item: T): void {
    item.waiting = true;
    this.#waiting.push(item);
  }

  #dequeue(item: T): void {
    (item.waiting ? this.#waiting : this.#due).remove(item);
  }
}
