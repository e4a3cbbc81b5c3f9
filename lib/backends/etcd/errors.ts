import { type MonoTypeOperatorFunction, of, retry, throwError } from 'rxjs';
import { type ErrorCode, RegistryError } from '../../errors.js';
import { printable } from '../../internal/printable.js';

/** The server has dropped the history that was asked for: read anew. */
export class CompactedError extends RegistryError {}

/** What etcd says, and what it means to us (source: `api/v3rpc/rpctypes/error.go` of etcd 3.4 and 3.5). */
const MEANINGS: readonly (readonly [text: string, code: ErrorCode])[] = [
  ['requested lease not found', 'SESSION_EXPIRED'],
  ['permission denied', 'NOT_AUTHORIZED'],
  ['authentication failed', 'NOT_AUTHORIZED'],
  ['user name is empty', 'NOT_AUTHORIZED'],
  ['user name not found', 'NOT_AUTHORIZED'],
  // The interceptor's words for it; it passes, as the next connection logs in again.
  ['auth token refused', 'CONNECTION_LOST'],
  ['revision of auth store is old', 'CONNECTION_LOST'],
  ['request is too large', 'TOO_LARGE'],
  ['larger than max', 'TOO_LARGE'],
  ['request timed out', 'TIMEOUT'],
  ['Deadline exceeded', 'TIMEOUT'],
  ['DEADLINE_EXCEEDED', 'TIMEOUT'],
  ['no leader', 'CONNECTION_LOST'],
  ['leader changed', 'CONNECTION_LOST'],
  ['UNAVAILABLE', 'CONNECTION_LOST'],
  ['CANCELLED', 'CONNECTION_LOST'],
  ['Channel', 'CONNECTION_LOST'],
];

/** The server does not say it. */
const LIMIT = ' (by default it takes requests of 1572864 bytes, see its --max-request-bytes)';

/** What an error of the client or a reason of the server means, for one operation. */
export function toRegistryError(error: unknown, operation: string): RegistryError {
  if (error instanceof RegistryError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error ? { cause: error } : {};
  const code = MEANINGS.find(([words]) => text.includes(words))?.[1] ?? 'SERVER_ERROR';
  const message = `etcd ${operation}: ${printable(text)}${code === 'TOO_LARGE' ? LIMIT : ''}.`;
  if (text.includes('revision has been compacted')) return new CompactedError('SERVER_ERROR', message, cause);
  return new RegistryError(code, message, cause);
}

/** Whether logging in is of no use, as no user is known here. */
export function isAuthDisabled(error: unknown): boolean {
  return error instanceof Error && error.message.includes('authentication is not enabled');
}

/** Whether somebody who is known may not do just this. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && error.message.includes('permission denied');
}

/** Begins again where the history that was asked for is gone. */
export function againWhenCompacted<T>(): MonoTypeOperatorFunction<T> {
  return retry({
    delay: (error: unknown) => (error instanceof CompactedError ? of(true) : throwError(() => error)),
  });
}
