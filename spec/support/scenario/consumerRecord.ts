import { Subscription } from 'rxjs';
import type { InstanceSet, Registry, ServiceEvent, ServiceQuery, ServiceUrl } from '../../../lib/index.js';

/** Everything one consumer was told, each event and each set checked against all before it. */
export class ConsumerRecord {
  readonly events: ServiceEvent[] = [];
  /** The sizes of all sets, in the order they were told. */
  readonly sizes: number[] = [];
  /** What broke "legal events": an illegal event, or a set that is not what the events add up to. */
  readonly flaws: string[] = [];
  error: unknown;
  completed = false;
  readonly #present = new Map<string, ServiceUrl>();
  readonly #subscription = new Subscription();

  constructor(registry: Registry, query: string | ServiceQuery) {
    const error = (reason: unknown): void => void (this.error = reason);
    const complete = (): void => void (this.completed = true);
    // In this order: at each set, the events that belong to it have been told.
    this.#subscription.add(
      registry.subscribe(query).subscribe({ next: (event) => this.#takeEvent(event), error, complete }),
    );
    this.#subscription.add(registry.instances(query).subscribe({ next: (set) => this.#takeSet(set), error, complete }));
  }

  /** What it was told in short: `add 10.0.0.1:20880`. */
  get told(): string[] {
    return this.events.map(({ type, service }) => `${type} ${service.address}`);
  }

  /** Who it knows, by address, sorted. */
  get addresses(): string[] {
    return [...this.#present.values()].map(({ address }) => address).sort();
  }

  /** Who it knows. */
  get services(): ServiceUrl[] {
    return [...this.#present.values()];
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe();
  }

  #takeEvent(event: ServiceEvent): void {
    const { type, key, service } = event;
    this.events.push(event);
    const known = this.#present.get(key);
    if (type === 'add' && known) this.flaws.push(`add of ${key}, which is there`);
    if (type !== 'add' && !known) this.flaws.push(`${type} of ${key}, which is not there`);
    if (type === 'update' && known && !event.previous.equals(known)) this.flaws.push(`update of another ${key}`);
    if (type === 'update' && saysTheSame(event.previous, service))
      this.flaws.push(`update of ${key} that changes nothing`);
    if (type === 'delete' && known && !service.equals(known)) this.flaws.push(`delete of another ${key}`);
    if (type === 'delete') this.#present.delete(key);
    else this.#present.set(key, service);
  }

  #takeSet(set: InstanceSet): void {
    this.sizes.push(set.size);
    const same =
      set.size === this.#present.size && [...this.#present].every(([key, service]) => set.get(key)?.equals(service));
    if (!same) this.flaws.push(`a set of ${set.size} where the events add up to ${this.#present.size}`);
  }
}

function saysTheSame(a: ServiceUrl, b: ServiceUrl): boolean {
  const unsigned = { parameters: { pid: undefined, timestamp: undefined } };
  return a.with(unsigned).equals(b.with(unsigned));
}
