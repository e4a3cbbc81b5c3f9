import { catchError, defer, EMPTY, map, merge, mergeMap, type Observable, of } from 'rxjs';
import type { RegistrationState } from '../applications/index.js';

/** Where a registration stands in one of several registries; `refused` is for good. */
export type PartRegistrationState = RegistrationState | { readonly status: 'refused'; readonly cause: unknown };

/** Where a registration stands in several registries together, and in each by name. */
export type CombinedRegistrationState = RegistrationState & {
  readonly parts: Readonly<Record<string, PartRegistrationState>>;
};

/** From best to worst. */
const BEST_FIRST: readonly RegistrationState['status'][] = ['registered', 'suspended', 'pending', 'withdrawn'];

/**
 * The states of one registration in several registries as one: as good as the best of them.
 *
 * A registry that refuses it for good does not end the others; errors with the last error when all have.
 */
export function combinedRegistration(
  parts: ReadonlyMap<string, Observable<RegistrationState>>,
): Observable<CombinedRegistrationState> {
  return defer(() => {
    const known = new Map<string, PartRegistrationState>();
    const refused = new Set<string>();
    const inputs = [...parts].map(([name, states]) =>
      states.pipe(
        map((state): [string, PartRegistrationState] => [name, state]),
        catchError((cause: unknown) => {
          refused.add(name);
          if (refused.size === parts.size) throw cause;
          return of<[string, PartRegistrationState]>([name, { status: 'refused', cause }]);
        }),
      ),
    );
    return merge(...inputs).pipe(
      mergeMap(([name, state]) => {
        known.set(name, state);
        const best = bestOf([...known.values()]);
        return best ? of({ ...best, parts: Object.fromEntries(known) }) : EMPTY;
      }),
    );
  });
}

function bestOf(states: readonly PartRegistrationState[]): RegistrationState | undefined {
  const standing = states.filter((state): state is RegistrationState => state.status !== 'refused');
  return BEST_FIRST.map((status) => standing.find((state) => state.status === status)).find((state) => state);
}
