import type { ConnectionState, Session } from '../port/index.js';

/** What happens to a connection, as told to {@link connectionReducer}. */
export type ConnectionEvent =
  /** Another try begins. */
  | { readonly type: 'attempt'; readonly cause?: Error }
  /** The server answered our handshake. */
  | { readonly type: 'up'; readonly session: Session }
  /** The transport is gone, or a try failed. */
  | { readonly type: 'down'; readonly cause: Error }
  /** The server said that the session is over. */
  | { readonly type: 'expired'; readonly cause: Error }
  /** By our own clock the session may be over. */
  | { readonly type: 'overdue'; readonly cause: Error };

/**
 * The state that follows `state` after `event`: the same object if nothing changed that anyone is told.
 *
 * Starts from `undefined`, the time before the first attempt. Every step it takes is one of `LEGAL_TRANSITIONS`.
 */
export function connectionReducer(
  state: ConnectionState | undefined,
  event: ConnectionEvent,
): ConnectionState | undefined {
  switch (event.type) {
    case 'attempt':
      // While a session may still live, that is what there is to know; the tries behind it are not told.
      if (state?.status === 'suspended' || state?.status === 'connected' || state?.status === 'closed') return state;
      return {
        status: 'connecting',
        attempt: state?.status === 'connecting' ? state.attempt + 1 : 1,
        ...(event.cause && { cause: event.cause }),
      };
    case 'up':
      // Another session than the one that may still live is only ever reached through `lost`.
      return state?.status === 'connecting' || (state?.status === 'suspended' && state.session === event.session)
        ? { status: 'connected', session: event.session }
        : state;
    case 'down':
      return state?.status === 'connected'
        ? { status: 'suspended', session: state.session, cause: event.cause }
        : state;
    case 'expired':
    case 'overdue':
      return state?.status === 'connected' || state?.status === 'suspended'
        ? { status: 'lost', cause: event.cause, confirmed: event.type === 'expired' }
        : state;
  }
}
