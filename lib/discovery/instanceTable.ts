import { instanceKey, sameService, type ServiceUrl } from '../dubbo/index.js';
import { type InstanceChange, InstanceLedger, type InstanceSet, type ServiceEvent } from '../instances/index.js';
import { Twins } from './twins.js';

/** A node by its path, with what it says. */
export type ServiceNode = readonly [path: string, url: ServiceUrl];

/**
 * Folds nodes into instances: an instance is there as long as any node says so, and is what its newest node says.
 *
 * A batch is told net: what went and came back within it was never gone. That a weight change is, in Dubbo, a new node
 * and then an old one gone, reads as one `update`.
 */
export class InstanceTable {
  readonly #twins = new Map<string, Twins>();
  readonly #told = new InstanceLedger();

  /** Takes a batch in and tells what it changed. */
  apply(added: readonly ServiceNode[], removed: readonly ServiceNode[]): ServiceEvent[] {
    const touched = new Set<string>();
    for (const [path, url] of removed) {
      const key = instanceKey(url);
      touched.add(key);
      const twins = this.#twins.get(key);
      twins?.remove(path);
      if (twins?.size === 0) this.#twins.delete(key);
    }
    for (const [path, url] of added) {
      const key = instanceKey(url);
      touched.add(key);
      const twins = this.#twins.get(key) ?? new Twins();
      this.#twins.set(key, twins);
      twins.add(path, url);
    }
    return this.#told.write([...touched].flatMap((key) => this.#newsOf(key))).map(eventOf);
  }

  /** Everything as if it had come just now: what a late subscriber is told. */
  additions(): ServiceEvent[] {
    return [...this.#told.set.entries()].map(([key, service]) => ({ type: 'add', key, service }));
  }

  /** What the events told so far add up to. */
  toSet(): InstanceSet {
    return this.#told.set;
  }

  #newsOf(key: string): [key: string, service: ServiceUrl | undefined][] {
    const previous = this.#told.get(key);
    const service = this.#twins.get(key)?.newest;
    return previous && service && sameService(previous, service) ? [] : [[key, service]];
  }
}

function eventOf({ key, before, after }: InstanceChange): ServiceEvent {
  if (!after) return { type: 'delete', key, service: before! };
  return before ? { type: 'update', key, service: after, previous: before } : { type: 'add', key, service: after };
}
