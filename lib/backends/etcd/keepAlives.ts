import { defer, finalize, ignoreElements, merge, type Observable, of, Subject, switchMap, tap } from 'rxjs';
import type { Duplex, EtcdClient } from './client.js';
import type { KeptLease } from './leases.js';

/**
 * Opens what keeps leases for as long as a connection lasts, and emits it at once: on one stream, and on another where the server
 * does not take the token of that one any more. Errors when it breaks.
 */
export function keepAlives(client: EtcdClient): Observable<Duplex<string, KeptLease>> {
  return defer(() => {
    const answers = new Subject<KeptLease>();
    const unanswered = new Set<string>();
    let stream: Duplex<string, KeptLease> | undefined;
    const carried = client.loggedIn(
      client.keepAlives().pipe(
        switchMap((opened) => {
          stream = opened;
          for (const id of unanswered) opened.write(id);
          return opened.answers.pipe(finalize(() => (stream = undefined)));
        }),
      ),
    );
    const all: Duplex<string, KeptLease> = {
      answers,
      write: (id) => {
        unanswered.add(id);
        stream?.write(id);
      },
    };
    return merge(
      of(all),
      carried.pipe(
        tap((answer) => {
          unanswered.delete(answer.id);
          answers.next(answer);
        }),
        ignoreElements(),
      ),
    );
  });
}
