import { sameService, type ServiceUrl } from '../dubbo/index.js';
import { InstanceLedger, InstanceSet } from '../instances/index.js';

/**
 * What several parts know, as one set: each instance once, as the first part says that has it.
 *
 * A part that says nothing takes nothing back. What one part takes back stays as long as another one has it.
 */
export class Union {
  /** All parts count. */
  readonly isEnough = false;
  readonly #ledger = new InstanceLedger();
  readonly #known: readonly Map<string, ServiceUrl>[];
  readonly #last: InstanceSet[];

  /** @param parts - How many there are, the first one first in order. */
  constructor(parts: number) {
    this.#known = Array.from({ length: parts }, () => new Map());
    this.#last = Array.from({ length: parts }, () => new InstanceSet());
  }

  /** What all of them know together: kept as long as one of them only knows what was kept, and as old as the oldest of these. */
  get set(): InstanceSet {
    return this.#ledger.set.withAge(this.#keptMs);
  }

  get #keptMs(): number | undefined {
    const ages = this.#last.flatMap(({ origin, ageMs }) => (origin === 'kept' ? [ageMs] : []));
    return ages.length > 0 ? Math.max(...ages) : undefined;
  }

  /** Takes in what one part knows now, at the cost of what changed; returns whether the union is another one. */
  take(part: number, set: InstanceSet): boolean {
    const changes = set.changesSince(this.#last[part]!);
    const keptMs = this.#keptMs;
    this.#last[part] = set;
    const entries = changes.map(({ key, after }) => {
      const known = this.#known[part]!;
      if (after) known.set(key, after);
      else known.delete(key);
      return [key, this.#of(key)] as const;
    });
    return this.#ledger.write(entries).length > 0 || this.#keptMs !== keptMs;
  }

  #of(key: string): ServiceUrl | undefined {
    const first = this.#known.find((known) => known.has(key))?.get(key);
    const told = this.#ledger.get(key);
    // One instance in two registries is registered at two moments: that is no change.
    return first && told && sameService(first, told) ? told : first;
  }
}
