import type { Session } from './session.js';

/** What is known of the connection to the registry. */
export type ConnectionState =
  /** No session to speak of: the `attempt`-th try (counted from 1) to get one; `cause` says why the last one failed. */
  | { readonly status: 'connecting'; readonly attempt: number; readonly cause?: Error }
  /** In session. A new `Session` object stands for a new session, the same one for a session that was resumed. */
  | { readonly status: 'connected'; readonly session: Session }
  /** The transport is gone or silent; the session may still live, and its nodes with it. */
  | { readonly status: 'suspended'; readonly session: Session; readonly cause: Error }
  /**
   * Others may have seen our nodes go. `confirmed` is whether the server said so; if not, it is the verdict of our own
   * clock, and the session is still tried first when a server can be reached again.
   */
  | { readonly status: 'lost'; readonly cause: Error; readonly confirmed: boolean }
  /** Final. */
  | { readonly status: 'closed' };

/** The name of a {@link ConnectionState}. */
export type ConnectionStatus = ConnectionState['status'];

/**
 * Which state may follow which; `closed` is final.
 *
 * `connecting` follows itself with the next attempt.
 */
export const LEGAL_TRANSITIONS: Readonly<Record<ConnectionStatus, readonly ConnectionStatus[]>> = {
  connecting: ['connecting', 'connected', 'closed'],
  connected: ['suspended', 'lost', 'closed'],
  suspended: ['connected', 'lost', 'closed'],
  lost: ['connecting', 'closed'],
  closed: [],
};

/** The state that a trace must start in. */
export const INITIAL_STATUS: ConnectionStatus = 'connecting';

/**
 * Whether one state may follow another; `undefined` stands for the time before the first state.
 *
 * A `suspended` session that returns must be the same one: another session is only ever reached through `lost`.
 */
export function isLegalTransition(from: ConnectionState | undefined, to: ConnectionState): boolean {
  if (from === undefined) return to.status === INITIAL_STATUS || to.status === 'closed';
  if (!LEGAL_TRANSITIONS[from.status].includes(to.status)) return false;
  if (from.status === 'suspended' && to.status === 'connected') return from.session === to.session;
  if (from.status === 'connected' && to.status === 'suspended') return from.session === to.session;
  if (from.status === 'connecting' && to.status === 'connecting') return to.attempt === from.attempt + 1;
  return true;
}
