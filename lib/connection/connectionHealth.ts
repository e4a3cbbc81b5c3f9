import type { ConnectionState, ConnectionStatus } from '../port/index.js';

/** How a connection is, and since when it is interrupted. */
export interface ConnectionHealth {
  /** The status of the connection; `refused` where the registry refuses us for good, as for a wrong password. */
  readonly status: ConnectionStatus | 'refused';
  /** Whether the registry answers. */
  readonly isConnected: boolean;
  /** Since when it does not, in milliseconds since the epoch; `undefined` while it does. */
  readonly disconnectedSince: number | undefined;
  /** Why it does not, where that is known. */
  readonly cause?: unknown;
}

/** The health of a connection after a state of it, or after the error that ended its states. */
export function connectionHealth(
  before: ConnectionHealth | undefined,
  state: ConnectionState | { readonly status: 'refused'; readonly cause: unknown },
  nowMs: number,
): ConnectionHealth {
  const { status } = state;
  if (status === 'connected') return { status, isConnected: true, disconnectedSince: undefined };
  const cause = 'cause' in state ? state.cause : undefined;
  return {
    status,
    isConnected: false,
    disconnectedSince: before?.disconnectedSince ?? nowMs,
    ...(cause !== undefined && { cause }),
  };
}
