/** What can be in an {@link IndexedHeap}: it keeps its own place, so that it is found without a search. */
export interface HeapItem {
  /** Where it is in its heap; -1 in none. Only the heap writes it. */
  position: number;
}

/** A binary heap that its items can be taken out of and moved within: every change costs O(log n). */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  /** @param isBefore - A strict order of the items. */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  /** How many items there are. */
  get size(): number {
    return this.#items.length;
  }

  /** The one that is before all others. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Puts an item in that is in no heap. */
  push(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Takes out an item that is in this heap. */
  remove(item: T): void {
    const { position } = item;
    const last = this.#items.pop()!;
    item.position = -1;
    if (last === item) return;
    last.position = position;
    this.#items[position] = last;
    this.moved(last);
  }

  /** Says that an item of this heap compares otherwise than before. */
  moved(item: T): void {
    const { position } = item;
    this.#rise(item, position);
    if (item.position === position) this.#sink(item, position);
  }

  #rise(item: T, from: number): void {
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const parent = this.#items[above]!;
      if (!this.#isBefore(item, parent)) break;
      this.#items[position] = parent;
      parent.position = position;
      position = above;
    }
    this.#items[position] = item;
    item.position = position;
  }

  #sink(item: T, from: number): void {
    const { length } = this.#items;
    let position = from;
    for (;;) {
      let below = 2 * position + 1;
      if (below >= length) break;
      let child = this.#items[below]!;
      if (below + 1 < length && this.#isBefore(this.#items[below + 1]!, child)) child = this.#items[++below]!;
      if (!this.#isBefore(child, item)) break;
      this.#items[position] = child;
      child.position = position;
      position = below;
    }
    this.#items[position] = item;
    item.position = position;
  }
}
