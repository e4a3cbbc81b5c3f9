import type { OperatorFunction } from 'rxjs';
import { InstanceLedger, type InstanceSet, type ServiceEvent } from '../instances/index.js';
import { drive } from './drive.js';
import type { SetMachine } from './setMachine.js';

/**
 * Adds service events up: one set for every event that changes anything.
 *
 * ```text
 *  events          --+a--+b--(-a +c)--
 *  toInstances()   --a---ab--(b  bc)--
 * ```
 *
 * The inverse of {@link toEvents}. A set costs O(1), however large it is. What was told as one batch arrives as one set per
 * event: {@link coalesce} makes one of it. Where nobody is there, there is no event and hence no set; where a first empty
 * set matters, ask for sets (`registry.instances`) to begin with.
 *
 * Cold if the source is; keeps its own set for each subscription. Events that are not legal are taken by their word: the
 * last one for a key counts. Completes and errors with the source.
 *
 * @example
 * ```ts
 * registry.subscribe({ interface: 'com.acme.Users' }).pipe(toInstances(), coalesce());
 * ```
 */
export function toInstances(): OperatorFunction<ServiceEvent, InstanceSet> {
  return drive(() => new EventFold());
}

class EventFold implements SetMachine<ServiceEvent> {
  readonly #ledger = new InstanceLedger();

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  take({ type, key, service }: ServiceEvent): boolean {
    return this.#ledger.write([[key, type === 'delete' ? undefined : service]]).length > 0;
  }
}
