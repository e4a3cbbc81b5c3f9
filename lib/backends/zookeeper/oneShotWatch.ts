import { distinctUntilChanged, map, Observable, repeat, Subscription, takeWhile, tap, timer } from 'rxjs';
import type { WatchKind, ZkClient } from './client.js';

/**
 * Reads with one-shot watches, and again whenever one fires, so that what changed in between is never missed.
 *
 * However many changes come while a read is under way, they cost one more read. Errors when the connection is over. It is not
 * composed of operators because there is one for each registration: those would cost more than the registration itself.
 */
export function watched<T>(
  client: ZkClient,
  path: string,
  read: (onFired: (kind: WatchKind) => () => void) => Observable<T>,
): Observable<T> {
  return new Observable<T>((subscriber) => {
    let leaveRound = Subscription.EMPTY;
    const begin = (): void => {
      const round = (leaveRound = new Subscription());
      const again = (): void => {
        if (round.closed) return;
        round.unsubscribe();
        begin();
      };
      const reading = read((kind) => {
        // Does nothing where it has fired.
        round.add(() => client.removeWatch(kind, path, again));
        return again;
      });
      round.add(
        reading.subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => subscriber.error(error),
        }),
      );
    };
    subscriber.add(() => leaveRound.unsubscribe());
    client.ended.subscribe(subscriber);
    if (!subscriber.closed) begin();
  });
}

/**
 * Watches a node that is absent: emits `undefined` once, and calls `fired` when the node has come; at once, if it has come by now.
 *
 * A server from 3.8.4 on drops the watch without a word when a node comes that we may not read. So the server is asked again
 * once in a session timeout, which sets the watch again.
 */
export function watchAbsent(
  client: Pick<ZkClient, 'exists' | 'sessionTimeoutMs'>,
  path: string,
  fired: () => void,
): Observable<undefined> {
  return client.exists(path, fired).pipe(
    repeat({ delay: () => timer(client.sessionTimeoutMs) }),
    takeWhile((stat) => stat === undefined),
    map(() => undefined),
    distinctUntilChanged(),
    tap({ complete: fired }),
  );
}
