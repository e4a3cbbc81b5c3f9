import { catchError, defer, from, map, merge, mergeMap, type Observable, of, takeWhile } from 'rxjs';
import { RegistryError } from '../errors.js';
import type { ConnectionState, ConnectionStatus, Session } from '../port/index.js';

/** The states of the parts by name; those that have not told any are missing. */
export type PartStates = Readonly<Record<string, ConnectionState>>;

/** The state of several connections together, and of each. */
export type CombinedState = ConnectionState & { readonly parts: PartStates };

/** From best to worst: all together are as good as the best of them. */
const BEST_FIRST: readonly ConnectionStatus[] = ['connected', 'suspended', 'connecting', 'lost'];

/**
 * The states of several connections as one, as good as the best of them; only what changes that is told.
 *
 * Every step is a legal one: whoever falls back from `connected` to `connecting` is `lost` in between. A connection that
 * is refused for good counts as closed; errors with the last error when all are.
 */
export function combinedStates(parts: ReadonlyMap<string, Observable<ConnectionState>>): Observable<CombinedState> {
  return defer(() => {
    const known = new Map<string, ConnectionState>();
    const refused = new Set<string>();
    const session = noSession([...parts.keys()]);
    let status: ConnectionStatus | undefined;
    const inputs = [...parts].map(([name, states]) =>
      states.pipe(
        map((state) => ({ name, state })),
        catchError((error: unknown) => {
          refused.add(name);
          if (refused.size === parts.size) throw error;
          return of({ name, state: { status: 'closed' } as const });
        }),
      ),
    );
    const bestOf = (): ConnectionStatus => {
      const present = new Set([...known.values()].map((state) => state.status));
      if (known.size === parts.size && present.size === 1 && present.has('closed')) return 'closed';
      return BEST_FIRST.find((each) => present.has(each)) ?? 'connecting';
    };
    return merge(...inputs).pipe(
      mergeMap(({ name, state }) => {
        known.set(name, state);
        const steps = stepsTo(status, bestOf());
        status = steps.at(-1) ?? status;
        const snapshot: PartStates = Object.fromEntries(known);
        return from(steps.map((step) => stateOf(step, state, session, snapshot)));
      }),
      takeWhile(({ status: told }) => told !== 'closed', true),
    );
  });
}

/** The states to tell on the way from one to another. */
function stepsTo(before: ConnectionStatus | undefined, after: ConnectionStatus): ConnectionStatus[] {
  if (before === after) return [];
  if (after === 'closed') return ['closed'];
  if (before === undefined || before === 'connecting') {
    if (after === 'connected') return before ? ['connected'] : ['connecting', 'connected'];
    return before ? [] : ['connecting'];
  }
  if (before === 'lost') return after === 'connected' ? ['connecting', 'connected'] : ['connecting'];
  return after === 'connecting' ? ['lost', 'connecting'] : [after];
}

function stateOf(
  status: ConnectionStatus,
  reason: ConnectionState,
  session: Session,
  parts: PartStates,
): CombinedState {
  const cause = ('cause' in reason && reason.cause) || new Error('none of the registries is connected');
  switch (status) {
    case 'connecting':
      return { status, attempt: 1, parts };
    case 'connected':
      return { status, session, parts };
    case 'suspended':
      return { status, session, cause, parts };
    case 'lost':
      return { status, cause, confirmed: reason.status === 'lost' && reason.confirmed, parts };
    case 'closed':
      return { status, parts };
  }
}

/** Stands where a session would: whatever is asked of it is refused, with where to ask instead. */
function noSession(names: readonly string[]): Session {
  const refuse = (): never => {
    throw new RegistryError(
      'UNSUPPORTED',
      `Several registries together have no session. Use that of one of them: registry.parts.${names[0]}.states, for example.`,
    );
  };
  return new Proxy(Object.freeze({}), {
    get: (_target, name) => (name === 'id' ? names.join('+') : typeof name === 'symbol' ? undefined : refuse()),
  }) as Session;
}
