import {
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  map,
  NEVER,
  type Observable,
  of,
  switchMap,
  take,
  tap,
  throwError,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { isAnswer } from '../internal/isAnswer.js';
import type { Link } from './connect.js';
import { isFatalError } from './retryWithBackoff.js';

/** A server accepted a connection and did not answer the first request on it. */
export class NotServedError extends RegistryError {}

/**
 * Emits a link only after the server has answered a first request on it.
 *
 * A server, or a proxy in front of it, may accept every connection and close it at the first request. Such a connection is
 * an attempt that failed, with `CONNECTION_LOST`: the backoff goes on growing, and nobody is told `connected`.
 */
export function served<L extends Link>(opening: Observable<L>): Observable<L> {
  return defer(() => {
    let waiting = false;
    return opening.pipe(
      tap(() => (waiting = true)),
      switchMap((link) => concat(signOfLife(link).pipe(map(() => link)), NEVER)),
      tap(() => (waiting = false)),
      catchError((error: unknown) => throwError(() => (waiting ? notServed(error) : error))),
    );
  });
}

/** Emits once when the server answers. An answer that is an error is an answer, unless it says that the session is over. */
export function signOfLife(link: Link): Observable<void> {
  return link.ping().pipe(
    take(1),
    defaultIfEmpty(undefined),
    map(() => undefined),
    catchError((error: unknown) => {
      const isOver = error instanceof RegistryError && error.code === 'SESSION_EXPIRED';
      return isAnswer(error) && !isOver ? of(undefined) : throwError(() => error);
    }),
  );
}

function notServed(error: unknown): unknown {
  if (isFatalError(error) || (error instanceof RegistryError && error.code === 'SESSION_EXPIRED')) return error;
  const why = error instanceof Error ? error.message : String(error);
  const message = `The server accepted the connection and did not answer the first request: ${why}`;
  return new NotServedError('CONNECTION_LOST', message, { cause: error });
}
