import { EMPTY, Observable, Subscription } from 'rxjs';
import type { WatchKind, ZkClient } from './client.js';

/** Ends a round of {@link watched} without a value: what was read is not true any more, read again. */
export const AGAIN = EMPTY;

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
      let told = false;
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
          next: (value) => {
            told = true;
            subscriber.next(value);
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            if (!told) again();
          },
        }),
      );
    };
    subscriber.add(() => leaveRound.unsubscribe());
    client.ended.subscribe(subscriber);
    if (!subscriber.closed) begin();
  });
}
