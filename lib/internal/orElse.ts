import { catchError, concat, ignoreElements, type Observable, throwError } from 'rxjs';
import { type ErrorCode, RegistryError } from '../errors.js';

/** Whether an error is one of ours, with that code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof RegistryError && error.code === code;
}

/** Goes on with something else where an operation fails with a certain code. */
export function orElse<T, U>(code: ErrorCode, source: Observable<T>, other: () => Observable<U>): Observable<T | U> {
  return source.pipe(catchError((error: unknown) => (hasCode(error, code) ? other() : throwError(() => error))));
}

/** Tries once more, after a remedy, where an operation fails with a certain code. */
export function retryAfter<T>(
  code: ErrorCode,
  source: Observable<T>,
  remedy: () => Observable<unknown>,
): Observable<T> {
  return orElse(code, source, () => concat(remedy().pipe(ignoreElements()), source));
}
