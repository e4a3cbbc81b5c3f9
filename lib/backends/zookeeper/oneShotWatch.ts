import { EMPTY, merge, Observable, repeat } from 'rxjs';
import type { WatchKind, ZkClient } from './client.js';

/** Ends a round of {@link watched} without a value: what was read is not true any more, read again. */
export const AGAIN = EMPTY;

/**
 * Reads with one-shot watches, and again whenever one fires, so that what changed in between is never missed.
 *
 * However many changes come while a read is under way, they cost one more read. Errors when the connection is over.
 */
export function watched<T>(
  client: ZkClient,
  path: string,
  read: (onFired: (kind: WatchKind) => () => void) => Observable<T>,
): Observable<T> {
  const round = new Observable<T>((subscriber) => {
    const armed = new Map<WatchKind, () => void>();
    let told = false;
    subscriber.add(() => armed.forEach((fired, kind) => client.removeWatch(kind, path, fired)));
    subscriber.add(
      read((kind) => {
        const fired = (): void => {
          armed.delete(kind);
          subscriber.complete();
        };
        armed.set(kind, fired);
        return fired;
      }).subscribe({
        next: (value) => {
          told = true;
          subscriber.next(value);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          if (!told) subscriber.complete();
        },
      }),
    );
  });
  return merge(client.ended, round.pipe(repeat()));
}
