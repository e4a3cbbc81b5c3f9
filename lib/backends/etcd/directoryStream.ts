import { defer, type Observable, ReplaySubject, share, switchMap, tap } from 'rxjs';
import { FailureSignal } from '../../internal/failureSignal.js';
import type { EtcdClient } from './client.js';
import { RefusedWatchError } from './errors.js';
import { openWatchStream, type WatchAnswer, type WatchRequest, type WatchStream } from './watchStream.js';

/**
 * A stream of watches that is open as long as it has any.
 *
 * A server may read no further request on a stream on which it has refused one, so a refusal ends the stream with all its
 * watches: they are to be set again, on another stream with the present token.
 */
export class DirectoryStream {
  /** Errors when the stream breaks, before any of its watches does. */
  readonly failed = new FailureSignal();
  readonly #open: () => Observable<WatchStream>;
  #stream: Observable<WatchStream>;

  constructor(client: EtcdClient, timeoutMs: number) {
    this.#open = () =>
      openWatchStream(client, timeoutMs).pipe(
        tap({ error: (error: unknown) => this.failed.error(error) }),
        share({ connector: () => new ReplaySubject<WatchStream>(1) }),
      );
    this.#stream = this.#open();
  }

  /** As `WatchStream.watch`. */
  watch(request: WatchRequest): Observable<WatchAnswer> {
    return defer(() => {
      const stream = this.#stream;
      return stream.pipe(
        switchMap((opened) =>
          opened.watch(request).pipe(
            tap({
              error: (error: unknown) => {
                if (!(error instanceof RefusedWatchError) || this.#stream !== stream) return;
                this.#stream = this.#open();
                opened.end(error);
              },
            }),
          ),
        ),
      );
    });
  }
}
