import { instanceKey, sameService, type ServiceUrl } from '../dubbo/index.js';
import { InstanceSet } from './instanceSet.js';
import type { ServiceEvent } from './serviceEvent.js';
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
  #told = new Map<string, ServiceUrl>();
  #changes = 0;
  #set = new InstanceSet(this.#told);

  /** Takes a batch in and tells what it changed. */
  apply(added: readonly ServiceNode[], removed: readonly ServiceNode[]): ServiceEvent[] {
    const before = this.#set;
    const leftBehind = this.#leaveOldSetsBehind();
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
    const events = [...touched].flatMap((key) => this.#tell(key) ?? []);
    if (events.length > 0) {
      this.#set = new InstanceSet(this.#told);
      this.#changes += events.length;
      if (!leftBehind) before.outdate(this.#set, events.map(undoOf));
    }
    return events;
  }

  /** Everything as if it had come just now: what a late subscriber is told. */
  additions(): ServiceEvent[] {
    return [...this.#told].map(([key, service]) => ({ type: 'add', key, service }));
  }

  /** What the events told so far add up to. */
  toSet(): InstanceSet {
    return this.#set;
  }

  /** Every so often, at a cost that does not count: else an old set that somebody keeps would keep all that came after. */
  #leaveOldSetsBehind(): boolean {
    if (this.#changes <= this.#told.size + 1_000) return false;
    this.#told = new Map(this.#told);
    this.#changes = 0;
    return true;
  }

  #tell(key: string): ServiceEvent | undefined {
    const previous = this.#told.get(key);
    const service = this.#twins.get(key)?.newest;
    if (!service) {
      if (!previous) return undefined;
      this.#told.delete(key);
      return { type: 'delete', key, service: previous };
    }
    if (previous && sameService(previous, service)) return undefined;
    this.#told.set(key, service);
    return previous ? { type: 'update', key, service, previous } : { type: 'add', key, service };
  }
}

function undoOf(event: ServiceEvent): readonly [key: string, before: ServiceUrl | undefined] {
  switch (event.type) {
    case 'add':
      return [event.key, undefined];
    case 'update':
      return [event.key, event.previous];
    case 'delete':
      return [event.key, event.service];
  }
}
