import { type Observable, Subject } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';

/** An instance at an address. */
export interface Placed {
  readonly key: string;
  readonly instance: ServiceUrl;
}

/**
 * The present instances of a channel, by the names of their endpoints.
 *
 * A change of weight reaches the policy through here, because a new list of addresses would make grpc-js reconnect.
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
