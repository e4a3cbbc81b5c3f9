import { Observable } from 'rxjs';
import { debugLog } from './debug.js';

/** A stream that nobody has subscribed to for so long was most likely forgotten. */
const FORGOTTEN_MS = 1_000;

const log = debugLog('unsubscribed');

/**
 * The stream; where `debug` is on, a line says if nobody subscribes to it, as nothing happens before that.
 *
 * @param what - What does not happen: "register("dubbo://…")".
 */
export function noteUnsubscribed<T>(source: Observable<T>, what: () => string): Observable<T> {
  if (!log.enabled) return source;
  const timer = setTimeout(() => {
    log(
      '%s was called %d ms ago, and nothing happens before somebody subscribes to what it returned',
      what(),
      FORGOTTEN_MS,
    );
  }, FORGOTTEN_MS) as unknown as { unref?: () => void };
  timer.unref?.();
  return new Observable((subscriber) => {
    clearTimeout(timer as never);
    return source.subscribe(subscriber);
  });
}
