/** A link of a {@link Chain}. */
export interface Link<T> {
  next: T | undefined;
  previous: T | undefined;
}

/** A circle of links that know their neighbours: everything costs O(1) and allocates nothing. A link is in one chain at most. */
export class Chain<T extends Link<T>> {
  #first: T | undefined;
  #size = 0;

  /** How many links there are. */
  get size(): number {
    return this.#size;
  }

  /** The link whose turn it is. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Puts a link in, to come last. */
  append(link: T): void {
    const first = this.#first;
    if (first) {
      const last = first.previous!;
      link.previous = last;
      link.next = first;
      last.next = link;
      first.previous = link;
    } else {
      link.previous = link;
      link.next = link;
      this.#first = link;
    }
    this.#size += 1;
  }

  /** Puts a link in, to come right before one that is in the chain. */
  insertBefore(link: T, other: T): void {
    const previous = other.previous!;
    link.previous = previous;
    link.next = other;
    previous.next = link;
    other.previous = link;
    if (this.#first === other) this.#first = link;
    this.#size += 1;
  }

  /** Takes a link out. */
  remove(link: T): void {
    if (link.next === link) {
      this.#first = undefined;
    } else {
      link.previous!.next = link.next;
      link.next!.previous = link.previous;
      if (this.#first === link) this.#first = link.next;
    }
    link.next = undefined;
    link.previous = undefined;
    this.#size -= 1;
  }

  /** Makes the first one the last. */
  rotate(): void {
    this.#first = this.#first?.next;
  }
}
