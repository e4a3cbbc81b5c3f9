import { NEVER, Observable } from 'rxjs';

/** Errors with the signal's reason when it is aborted; never emits. */
export function whenAborted(signal: AbortSignal | undefined): Observable<never> {
  if (!signal) return NEVER;
  return new Observable((subscriber) => {
    const abort = (): void => subscriber.error(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  });
}
