import { EMPTY, from, type Observable, type ObservableInput, type OperatorFunction, switchMap } from 'rxjs';
import type { ConnectionState, Session } from '../port/index.js';

/**
 * Runs `project` anew for every connection, and unsubscribes from it the moment the connection drops.
 *
 * ```text
 *  states               --c------s---c-----|    c: connected, s: suspended
 *  project(session)       -r-----     -r---
 *  whileConnected(…)    ---r----------r----
 * ```
 *
 * A resumed session is handed over again, as the same object. What `project` makes of a connection is the caller's to
 * retry: put `retryWithBackoff` inside `project`, not after this operator, or one bad attempt costs the connection.
 *
 * Cold if the source is. Completes when the states and the last work have completed; errors with either of them.
 *
 * @example
 * ```ts
 * registry.states.pipe(whileConnected((session) => session.watchNode('/leader'))).subscribe(console.log);
 * ```
 */
export function whileConnected<T>(
  project: (session: Session) => ObservableInput<T>,
): OperatorFunction<ConnectionState, T> {
  return switchMap((state): Observable<T> => (state.status === 'connected' ? from(project(state.session)) : EMPTY));
}
