import { instanceKey } from '../../lib/dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import { instance } from './stage.js';

/** The key of an instance by its short name. */
export function keyOf(name: string): string {
  return instanceKey(instance(name));
}

/** Sets of one service as they follow each other. */
export class Sets {
  readonly #ledger = new InstanceLedger();

  /** What is there now. */
  get now(): InstanceSet {
    return this.#ledger.set;
  }

  /** Writes weights by short name; `undefined` takes one out. */
  write(weights: Readonly<Record<string, number | undefined>>): InstanceSet {
    this.#ledger.write(
      Object.entries(weights).map(([name, weight]) => [
        keyOf(name),
        weight === undefined ? undefined : instance(name, weight),
      ]),
    );
    return this.now;
  }

  /** Exactly these, all with the default weight. */
  only(...names: string[]): InstanceSet {
    const gone = this.now.toArray().map(({ host }) => host);
    return this.write({
      ...Object.fromEntries(gone.map((name) => [name, undefined])),
      ...Object.fromEntries(names.map((name) => [name, 100])),
    });
  }
}

/** One set out of nothing. */
export function setOf(...names: string[]): InstanceSet {
  return new Sets().only(...names);
}
