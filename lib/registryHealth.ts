import {
  combineLatest,
  connect,
  endWith,
  ignoreElements,
  map,
  type MonoTypeOperatorFunction,
  type Observable,
  takeUntil,
} from 'rxjs';
import type { ConnectionHealth } from './connection/index.js';
import type { ViewKind } from './discovery/index.js';
import { Tally } from './internal/tally.js';
import type { RegistrationState } from './registration/index.js';

/**
 * What a readiness probe needs to know of a registry: how the connection is, what is registered, and what is known.
 *
 * @example
 * ```ts
 * registry.health.subscribe(({ isConnected, registrations, views }) => {
 *   if (!isConnected) console.warn('the registry is away');
 *   console.log(registrations.standing, 'of', registrations.wanted, 'registered;', views.unknown, 'views unknown');
 * });
 * ```
 */
export interface RegistryHealth extends ConnectionHealth {
  readonly registrations: {
    /** How many services shall be registered; those that are withdrawn are not. */
    readonly wanted: number;
    /** How many of them consumers can see, as far as we know: `registered`, or `suspended` while the session may live. */
    readonly standing: number;
  };
  /** The queries that are followed at the moment. */
  readonly views: {
    /** How many the registry has answered, however long ago. */
    readonly known: number;
    /** How many are told from the cache, as the registry has not answered yet. */
    readonly kept: number;
    /** How many were told nothing yet. */
    readonly unknown: number;
  };
}

/** What a registration that is wanted can be. */
type RegistrationKind = 'standing' | 'missing';

/** Counts what a registry is used for. */
export class UseTally {
  readonly views = new Tally<ViewKind>(['known', 'kept', 'unknown']);
  readonly #registrations = new Tally<RegistrationKind>(['standing', 'missing']);

  /** Counts a registration while it is subscribed to. */
  registration<S extends Pick<RegistrationState, 'status'>>(): MonoTypeOperatorFunction<S> {
    return this.#registrations.counted<S>(undefined, ({ status }) => {
      if (status === 'withdrawn') return undefined;
      return status === 'pending' ? 'missing' : 'standing';
    });
  }

  /** Adds the counts to the health of a connection; completes with it. */
  healthOf<C extends ConnectionHealth>(connection: Observable<C>): Observable<C & RegistryHealth> {
    return connection.pipe(
      connect((shared) =>
        combineLatest([shared, this.#registrations.counts, this.views.counts]).pipe(
          map(([health, { standing, missing }, views]) => ({
            ...health,
            registrations: { wanted: standing + missing, standing },
            views,
          })),
          takeUntil(shared.pipe(ignoreElements(), endWith(undefined))),
        ),
      ),
    );
  }
}
