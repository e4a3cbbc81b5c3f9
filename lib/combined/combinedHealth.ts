import { combineLatest, map, type Observable } from 'rxjs';
import type { ConnectionHealth } from '../connection/index.js';
import type { RegistryHealth } from '../registryHealth.js';

/**
 * The health of several registries as one, and of each. What is registered and known is counted as it is through all of them
 * together: a registration stands while it stands in one.
 */
export interface CombinedHealth extends RegistryHealth {
  /** The health of each, with what is registered and known there. */
  readonly parts: Readonly<Record<string, RegistryHealth>>;
}

/** From best to worst: all together are as good as the best of them. */
const BEST_FIRST: readonly ConnectionHealth['status'][] = [
  'connected',
  'suspended',
  'connecting',
  'lost',
  'refused',
  'closed',
];

/** The health of several connections as one: connected while one is, and interrupted since none is. */
export function combinedHealth(
  parts: ReadonlyMap<string, Observable<RegistryHealth>>,
): Observable<ConnectionHealth & Pick<CombinedHealth, 'parts'>> {
  return combineLatest(Object.fromEntries(parts)).pipe(
    map((healths) => {
      const all = Object.values(healths);
      const best = BEST_FIRST.flatMap((status) => all.find((each) => each.status === status) ?? [])[0]!;
      const { status, isConnected, cause } = best;
      const since = all.flatMap(({ disconnectedSince }) => disconnectedSince ?? []);
      return {
        status,
        isConnected,
        disconnectedSince: isConnected ? undefined : Math.max(...since),
        ...(cause !== undefined && { cause }),
        parts: healths,
      };
    }),
  );
}
