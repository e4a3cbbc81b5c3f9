import type { ServiceUrl } from '../dubbo/index.js';
import { type InstanceChange, InstanceSet } from './instanceSet.js';

/**
 * Keeps instances that change, and hands out what they are at any moment as an {@link InstanceSet}, at the cost of what
 * changed.
 *
 * For those who derive sets from sets: take {@link InstanceSet.changesSince} in, write what becomes of it here.
 */
export class InstanceLedger {
  #byKey = new Map<string, ServiceUrl>();
  #set = new InstanceSet(this.#byKey);
  #changes = 0;

  /** What is there now. */
  get set(): InstanceSet {
    return this.#set;
  }

  /** The instance with that key now. */
  get(key: string): ServiceUrl | undefined {
    return this.#byKey.get(key);
  }

  /** How many there are now. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Sets instances (`undefined` takes one out), and tells what that changed; {@link set} is another one if anything did. */
  write(entries: Iterable<readonly [key: string, instance: ServiceUrl | undefined]>): InstanceChange[] {
    const last = this.#set;
    const linked = !this.#leaveOldSetsBehind();
    const undo = new Map<string, ServiceUrl | undefined>();
    for (const [key, instance] of entries) {
      const before = this.#byKey.get(key);
      if (before === instance) continue;
      if (!undo.has(key)) undo.set(key, before);
      if (instance) this.#byKey.set(key, instance);
      else this.#byKey.delete(key);
    }
    if (undo.size === 0) return [];
    this.#set = new InstanceSet(this.#byKey);
    this.#changes += undo.size;
    if (linked) last.outdate(this.#set, undo);
    const changes: InstanceChange[] = [];
    for (const [key, before] of undo) {
      const after = this.#byKey.get(key);
      if (after !== before) changes.push({ key, before, after });
    }
    return changes;
  }

  /** Every so often, at a cost that does not count: else an old set that somebody keeps would keep all that came after. */
  #leaveOldSetsBehind(): boolean {
    if (this.#changes <= this.#byKey.size + 1_000) return false;
    this.#byKey = new Map(this.#byKey);
    this.#changes = 0;
    return true;
  }
}
