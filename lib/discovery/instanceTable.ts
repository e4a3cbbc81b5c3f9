import { instanceKey, sameService, type ServiceUrl } from '../dubbo/index.js';
import { type InstanceChange, InstanceLedger, type InstanceSet, type ServiceEvent } from '../instances/index.js';
import { Twins } from './twins.js';

/** The nodes that speak of one instance: nearly always one, or none. */
type Nodes = ServiceUrl | Twins | undefined;

/**
 * Folds nodes into instances: an instance is there as long as any node says so, and is what its newest node says.
 *
 * A batch is told net: what went and came back within it was never gone. That a weight change is, in Dubbo, a new node
 * and then an old one gone, reads as one `update`. An instance whose newest node says that it is switched off is told as gone, and
 * as new when it is switched on again. A node is known by the object that stands for it.
 */
export class InstanceTable {
  readonly #told = new InstanceLedger();
  /** Who speaks of an instance, where that is not just the node that was told: hardly ever, so it costs hardly anything. */
  readonly #others = new Map<string, ServiceUrl | Twins>();
  /** Who speaks of the instances that may have changed since it was last told. */
  #touched = new Map<string, Nodes>();
  readonly #isOn: (node: ServiceUrl) => boolean;

  /** @param isOn - Whether an instance whose newest node that is is told of; it may say otherwise of itself at any time. */
  constructor(isOn: (node: ServiceUrl) => boolean = () => true) {
    this.#isOn = isOn;
  }

  /** Takes nodes in that came and went; a batch may be taken in piece by piece. */
  take(added: readonly ServiceUrl[], removed: readonly ServiceUrl[]): void {
    for (const node of removed) {
      const key = instanceKey(node);
      const nodes = this.#nodesOf(key);
      if (nodes instanceof Twins) nodes.remove(node);
      this.#touched.set(key, nodes === node ? undefined : nodes);
    }
    for (const node of added) {
      const key = instanceKey(node);
      const nodes = this.#nodesOf(key);
      if (nodes instanceof Twins) nodes.add(node);
      this.#touched.set(key, nodes === undefined ? node : nodes instanceof Twins ? nodes : new Twins(nodes, node));
    }
  }

  /** Tells what has changed by all that was taken in. */
  tell(): ServiceEvent[] {
    const touched = this.#touched;
    this.#touched = new Map();
    return this.#told.write(this.#newsOf(touched)).map(eventOf);
  }

  *#newsOf(touched: ReadonlyMap<string, Nodes>): Generator<readonly [key: string, service: ServiceUrl | undefined]> {
    for (const [key, nodes] of touched) {
      const newest = nodes instanceof Twins ? nodes.newest : nodes;
      const previous = this.#told.get(key);
      const isSame = previous !== undefined && newest !== undefined && sameService(previous, newest);
      const service = newest === undefined || !this.#isOn(newest) ? undefined : isSame ? previous : newest;
      const alone = nodes instanceof Twins && nodes.size <= 1 ? newest : nodes;
      if (alone === undefined || alone === service) this.#others.delete(key);
      else this.#others.set(key, alone);
      yield [key, service];
    }
  }

  /** What the events told so far add up to. */
  toSet(): InstanceSet {
    return this.#told.set;
  }

  #nodesOf(key: string): Nodes {
    return this.#touched.has(key) ? this.#touched.get(key) : (this.#others.get(key) ?? this.#told.get(key));
  }
}

function eventOf({ key, before, after }: InstanceChange): ServiceEvent {
  if (!after) return { type: 'delete', key, service: before! };
  return before ? { type: 'update', key, service: after, previous: before } : { type: 'add', key, service: after };
}
