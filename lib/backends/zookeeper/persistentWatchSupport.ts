import { catchError, defer, finalize, map, type Observable, of, switchMap, tap, throwError } from 'rxjs';
import { debugLog } from '../../internal/debug.js';
import { isAnswer } from '../../internal/isAnswer.js';
import { hasCode } from '../../internal/orElse.js';
import type { ZkClient } from './client.js';

const log = debugLog('zookeeper');

/** Any node would do; here hardly anything happens. */
const PROBE = '/zookeeper/config';

/** Something that is done over one connection. */
export interface WithClient {
  readonly client: ZkClient;
}

/** What is known of the server of a connection. */
export interface PersistentWatches {
  /** Whether it has persistent watches. */
  readonly areSupported: boolean;
  /** Says that it has none after all, because an older server has taken its place. */
  readonly refused: () => void;
}

interface WithWatches {
  readonly watches: PersistentWatches;
}

/**
 * Finds out which servers have persistent watches.
 *
 * A server before 3.6 closes the connection when it is asked for one, and its answer may come out of order. So a server is asked
 * when nothing else is under way, before anybody uses the connection, and if it has none, another connection carries the session
 * on. A server that has none, or does not answer, is not asked again for `trustMs`: it may be upgraded, and who is connected
 * again and again does not pay twice each time.
 */
export class PersistentWatchSupport {
  readonly #trustMs: number;
  /** By address: whether a server has them, and when it said so, as `performance.now()`. */
  readonly #known = new Map<string, { readonly areSupported: boolean; readonly since: number }>();

  constructor(trustMs: number) {
    this.#trustMs = trustMs;
  }

  /**
   * Passes on what `opening` emits with what its server can do, as soon as that is known.
   *
   * @param reopen - Connects to the same server again, with the same session.
   */
  find<T extends WithClient>(
    opening: Observable<T>,
    reopen: (opened: T) => Observable<T>,
  ): Observable<T & WithWatches> {
    return defer(() => {
      let client: ZkClient | undefined;
      return opening.pipe(
        switchMap((opened) => {
          client = opened.client;
          return this.#ask(opened.client).pipe(
            map((areSupported) => ({
              ...opened,
              watches: { areSupported, refused: () => this.#learn(opened.client, false) },
            })),
            catchError((error: unknown) =>
              throwError(() => (hasCode(error, 'UNSUPPORTED') ? new Refusal(opened) : error)),
            ),
          );
        }),
        // An older server that has taken the place of a newer one hangs up like that, whatever else it was to answer first.
        tap({ error: () => client?.awaitsTree && this.#known.delete(client.address) }),
        // Here the connection is dropped already, which the server would close in a moment.
        catchError((error: unknown) =>
          error instanceof Refusal ? this.find(reopen(error.opened as T), reopen) : throwError(() => error),
        ),
      );
    });
  }

  #ask(client: ZkClient): Observable<boolean> {
    const known = this.#known.get(client.address);
    if (known?.areSupported || (known && performance.now() - known.since < this.#trustMs))
      return of(known.areSupported);
    let isConfirmed = false;
    return client.tryTree(PROBE).pipe(
      map(() => (isConfirmed = true)),
      // Then it has none for us, and goes on to serve.
      catchError((error: unknown) =>
        isAnswer(error) && !hasCode(error, 'UNSUPPORTED') ? of(false) : throwError(() => error),
      ),
      // Also one that does not answer is not asked again at once.
      finalize(() => this.#learn(client, isConfirmed)),
    );
  }

  #learn({ address }: ZkClient, areSupported: boolean): void {
    if (!areSupported) log('%s has no persistent watches: directories are read again when they change', address);
    this.#known.set(address, { areSupported, since: performance.now() });
  }
}

/** The server answered that it has no persistent watches, and will close the connection. */
class Refusal extends Error {
  readonly opened: WithClient;

  constructor(opened: WithClient) {
    super('The server has no persistent watches.');
    this.opened = opened;
  }
}
