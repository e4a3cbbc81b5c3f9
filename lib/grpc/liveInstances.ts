import { type Observable, Subject } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';

/** An instance at an address. */
export interface Placed {
  readonly key: string;
  readonly instance: ServiceUrl;
}

/**
 * What the instances of a channel say of themselves now, by the names of their endpoints.
 *
 * It goes past grpc-js: being told of addresses anew is costly for a channel, and a weight is none.
 */
export class LiveInstances {
  readonly changes: Observable<void>;
  readonly #changes = new Subject<void>();
  #byName: ReadonlyMap<string, Placed> = new Map();

  constructor() {
    this.changes = this.#changes.asObservable();
  }

  at(name: string): Placed | undefined {
    return this.#byName.get(name);
  }

  set(byName: ReadonlyMap<string, Placed>): void {
    this.#byName = byName;
    this.#changes.next();
  }
}
