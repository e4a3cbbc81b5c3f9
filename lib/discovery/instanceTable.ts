import { instanceKey, sameService, type ServiceUrl } from '../dubbo/index.js';
import { InstanceSet } from './instanceSet.js';
import type { ServiceEvent } from './serviceEvent.js';

/** A node by its path, with what it says. */
export type ServiceNode = readonly [path: string, url: ServiceUrl];

/**
 * Folds nodes into instances: an instance is there as long as any node says so, and is what its newest node says.
 *
 * A batch is told net: what went and came back within it was never gone. That a weight change is, in Dubbo, a new node
 * and then an old one gone, reads as one `update`.
 */
export class InstanceTable {
  readonly #nodes = new Map<string, Map<string, ServiceUrl>>();
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
      const nodes = this.#nodes.get(key);
      nodes?.delete(path);
      if (nodes?.size === 0) this.#nodes.delete(key);
    }
    for (const [path, url] of added) {
      const key = instanceKey(url);
      touched.add(key);
      const nodes = this.#nodes.get(key);
      if (nodes) nodes.set(path, url);
      else this.#nodes.set(key, new Map([[path, url]]));
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
    const service = newest(this.#nodes.get(key));
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

/** By timestamp, and by text where that says nothing: every consumer must come to the same choice. */
function newest(nodes: ReadonlyMap<string, ServiceUrl> | undefined): ServiceUrl | undefined {
  let best: ServiceUrl | undefined;
  for (const url of nodes?.values() ?? []) {
    if (!best || isNewer(url, best)) best = url;
  }
  return best;
}

function isNewer(a: ServiceUrl, b: ServiceUrl): boolean {
  const difference = timestampMs(a) - timestampMs(b);
  return difference === 0 ? a.toString() > b.toString() : difference > 0;
}

/** Java writes milliseconds, Go seconds: no millisecond of this century is below 10¹¹. */
function timestampMs(url: ServiceUrl): number {
  const value = Number(url.parameter('timestamp'));
  if (!Number.isFinite(value)) return 0;
  return value < 1e11 ? value * 1_000 : value;
}
