import { sameService, type ServiceUrl } from '../dubbo/index.js';
import { InstanceLedger, InstanceSet } from '../instances/index.js';

/** Passes on one set after the other, of one source or another, as changes of one set. */
export class Retold {
  readonly #ledger = new InstanceLedger();
  #last = new InstanceSet();

  /** What was passed on last. */
  get set(): InstanceSet {
    return this.#ledger.set.withOriginOf(this.#last);
  }

  /** Passes a set on, at the cost of what changed; returns whether it is another one than the last. */
  tell(set: InstanceSet): boolean {
    const isMarked = set.origin !== this.#last.origin || set.ageMs !== this.#last.ageMs;
    this.#last = set;
    const entries = new Map<string, ServiceUrl | undefined>();
    for (const { key, after } of set.changesSince(this.#ledger.set)) {
      const told = this.#ledger.get(key);
      // One instance in two registries is registered at two moments: that is no change.
      if (!told || !after || !sameService(told, after)) entries.set(key, after);
    }
    return this.#ledger.write(entries).length > 0 || isMarked;
  }
}
