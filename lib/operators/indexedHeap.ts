/** A binary heap whose members can be found and taken out by key; every change costs O(log n). */
export class IndexedHeap<T extends { readonly key: string }> {
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  /** How many there are. */
  get size(): number {
    return this.#items.length;
  }

  /** The first, which stays. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** The one with that key. */
  get(key: string): T | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#items[position];
  }

  /** Puts one in, in place of the one with its key if there is any. */
  put(item: T): void {
    const position = this.#positions.get(item.key) ?? this.#items.length;
    this.#place(item, position);
    this.#settle(position);
  }

  /** Takes the one with that key out. */
  remove(key: string): T | undefined {
    const position = this.#positions.get(key);
    if (position === undefined) return undefined;
    const removed = this.#items[position]!;
    this.#positions.delete(key);
    const last = this.#items.pop()!;
    if (last !== removed) {
      this.#place(last, position);
      this.#settle(position);
    }
    return removed;
  }

  /** Takes the first out. */
  shift(): T | undefined {
    return this.first && this.remove(this.first.key);
  }

  #place(item: T, position: number): void {
    this.#items[position] = item;
    this.#positions.set(item.key, position);
  }

  #settle(start: number): void {
    let position = start;
    const item = this.#items[position]!;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#isBefore(item, this.#items[parent]!)) break;
      this.#place(this.#items[parent]!, position);
      position = parent;
    }
    for (;;) {
      const left = 2 * position + 1;
      const right = left + 1;
      if (left >= this.#items.length) break;
      const child =
        right < this.#items.length && this.#isBefore(this.#items[right]!, this.#items[left]!) ? right : left;
      if (!this.#isBefore(this.#items[child]!, item)) break;
      this.#place(this.#items[child]!, position);
      position = child;
    }
    this.#place(item, position);
  }
}
