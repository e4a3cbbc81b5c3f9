import { concat, defer, NEVER, type Observable, of, ReplaySubject, share, switchMap, tap } from 'rxjs';
import type { EtcdClient } from './client.js';
import { RefusedWatchError } from './errors.js';
import { openWatchStream, type WatchAnswer, type WatchRequest, type WatchStream } from './watchStream.js';

/**
 * The watches of one connection on single nodes, of which there may be thousands: on one stream for as long as the server
 * takes the token that it was opened with. After a refusal new watches go to another stream; those that there are stay.
 */
export class NodeWatches {
  readonly #another: Observable<WatchStream>;
  #stream: Observable<WatchStream>;

  constructor(client: EtcdClient, first: WatchStream, timeoutMs: number) {
    this.#stream = concat(of(first), NEVER);
    this.#another = defer(() => openWatchStream(client, timeoutMs));
  }

  /** As {@link WatchStream.watch}. */
  watch(request: WatchRequest): Observable<WatchAnswer> {
    return defer(() => {
      const stream = this.#stream;
      return stream.pipe(
        switchMap((opened) => opened.watch(request)),
        tap({
          error: (error: unknown) => {
            if (!(error instanceof RefusedWatchError) || this.#stream !== stream) return;
            this.#stream = this.#another.pipe(share({ connector: () => new ReplaySubject(1) }));
          },
        }),
      );
    });
  }
}
