import { defer, type MonoTypeOperatorFunction, of, retry, throwError } from 'rxjs';
import { type ErrorCode, RegistryError } from '../../errors.js';
import { isAnswer } from '../../internal/isAnswer.js';
import { printable } from '../../internal/printable.js';

/** The server has dropped the history that was asked for: read anew. */
export class CompactedError extends RegistryError {}

/**
 * The server has refused to create a watch: because of the token that its stream was opened with, or for good. Servers before
 * 3.5.5 do not say which, so read anew: a call carries the present token.
 */
export class RefusedWatchError extends RegistryError {}

/** What {@link REFUSED_TOKEN} replaces: etcd3 takes the server's words as an order to log in and try again, for ever. */
export const INVALID_TOKEN = 'invalid auth token';
export const REFUSED_TOKEN = 'auth token refused';

/** What the server answers where a login, or another one, is needed; nothing was carried out then. */
const LOGIN_NEEDED: readonly string[] = [
  INVALID_TOKEN,
  REFUSED_TOKEN,
  // A token in JWT holds for one revision of users and roles.
  'revision of auth store is old',
  // No token came with the call: authentication was enabled after the login, or there was none.
  'user name is empty',
];

/** What etcd says, and what it means to us (source: `api/v3rpc/rpctypes/error.go` of etcd 3.4 and 3.5). */
const MEANINGS: readonly (readonly [text: string, code: ErrorCode])[] = [
  ['requested lease not found', 'SESSION_EXPIRED'],
  ['permission denied', 'NOT_AUTHORIZED'],
  ['authentication failed', 'NOT_AUTHORIZED'],
  ['user name is empty', 'NOT_AUTHORIZED'],
  ['user name not found', 'NOT_AUTHORIZED'],
  [REFUSED_TOKEN, 'CONNECTION_LOST'],
  [INVALID_TOKEN, 'CONNECTION_LOST'],
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
  // The transport, or a proxy, in place of the server.
  ['Received RST_STREAM', 'CONNECTION_LOST'],
  ['Received HTTP status code', 'CONNECTION_LOST'],
];

/** What the codes of gRPC are called in a message, as far as they say that a call was not answered. */
const UNANSWERED: ReadonlyMap<number, string> = new Map([
  [1, 'CANCELLED'],
  [4, 'DEADLINE_EXCEEDED'],
  [14, 'UNAVAILABLE'],
]);

/** What neither says: the server of a request, the library of an answer. */
const LIMIT = ' (by default it takes requests of 1572864 bytes, see its --max-request-bytes)';
const ANSWER_LIMIT = ' (see the option `maxMessageBytes`)';

/** What an error of the client or a reason of the server means, for one operation. */
export function toRegistryError(error: unknown, operation: string): RegistryError {
  if (error instanceof RegistryError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error ? { cause: error } : {};
  const code = MEANINGS.find(([words]) => text.includes(words))?.[1] ?? 'SERVER_ERROR';
  const limit = text.includes('Received message') ? ANSWER_LIMIT : LIMIT;
  const message = `etcd ${operation}: ${printable(text)}${code === 'TOO_LARGE' ? limit : ''}.`;
  if (text.includes('revision has been compacted')) return new CompactedError('SERVER_ERROR', message, cause);
  return new RegistryError(code, message, cause);
}

/** Whether a call that ended with a status of gRPC was answered by the server, be it with an error. */
export function isAnswered({ code, details }: { readonly code: number; readonly details: string }): boolean {
  if (code === 0 || LOGIN_NEEDED.some((words) => details.includes(words))) return true;
  return isAnswer(toRegistryError(new Error(`${UNANSWERED.get(code) ?? code}: ${details}`), 'call'));
}

/** Whether there is a lease of that id. */
export function isLeaseKnown(error: unknown): boolean {
  return error instanceof Error && error.message.includes('lease already exists');
}

/** Whether the server takes no writes at all, whatever they are: its store is as large as it may be. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && error.message.includes('database space exceeded');
}

/** Whether logging in is of no use, as no user is known here. */
export function isAuthDisabled(error: unknown): boolean {
  return error instanceof Error && error.message.includes('authentication is not enabled');
}

/** Whether somebody who is known may not do just this. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && error.message.includes('permission denied');
}

/** Whether a call, or a watch, was refused because it carried no token that is still valid. */
export function isLoginNeeded(error: unknown): boolean {
  // The message also names keys, which may hold these words.
  const text = error instanceof RegistryError ? (error.cause as Error | undefined)?.message : undefined;
  return text !== undefined && LOGIN_NEEDED.some((words) => text.includes(words));
}

/** Whether a watch cannot go on from what is known: a reading has to come before it. */
export function isOutdated(error: unknown): boolean {
  return error instanceof RefusedWatchError || error instanceof CompactedError;
}

/** So often a watch that may be read but not watched is asked for: tokens may become invalid again meanwhile. */
const MOST_REFUSALS = 3;

/** Subscribes again to a read that a watch follows, where the history is gone or the watch was refused. */
export function readAnew<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      let refusals = 0;
      return source.pipe(
        retry({
          delay: (error: unknown) => {
            if (error instanceof RefusedWatchError) refusals += 1;
            const again =
              error instanceof CompactedError || (error instanceof RefusedWatchError && refusals <= MOST_REFUSALS);
            return again ? of(true) : throwError(() => error);
          },
        }),
      );
    });
}
