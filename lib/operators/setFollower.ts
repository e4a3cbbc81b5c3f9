import { type InstanceChange, InstanceSet } from '../instances/index.js';

/** Follows a stream of sets by what changes, and never reads one whole but the first. */
export class SetFollower {
  #last: InstanceSet | undefined;
  #size = 0;

  /** How many instances the set has that came last; a set that others have outdated would make a copy to tell. */
  get size(): number {
    return this.#size;
  }

  /** Whether a set has come yet. */
  get hasBegun(): boolean {
    return this.#last !== undefined;
  }

  /** What differs between the last set and this one. */
  follow(next: InstanceSet): InstanceChange[] {
    const changes = next.changesSince(this.#last ?? new InstanceSet());
    this.#last = next;
    for (const { before, after } of changes) this.#size += Number(after !== undefined) - Number(before !== undefined);
    return changes;
  }
}
