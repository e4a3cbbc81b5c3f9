import {
  catchError,
  defer,
  finalize,
  map,
  type MonoTypeOperatorFunction,
  type Observable,
  switchMap,
  take,
  tap,
  throwError,
} from 'rxjs';
import { debugLog } from '../../internal/debug.js';
import { hasCode } from '../../internal/orElse.js';
import { type ClientOptions, openClient, type ZkClient } from './client.js';

const log = debugLog('zookeeper');

type Server = Pick<ClientOptions, 'host' | 'port'>;

/** Any node would do; here hardly anything happens. */
const PROBE = '/zookeeper/config';

/** A connection in session, and what its server can do. */
export interface OpenedClient {
  readonly client: ZkClient;
  /** Whether the server has persistent watches. */
  readonly hasPersistentWatches: boolean;
  /** Says that it has none after all, because an older server has taken its place. */
  readonly refusedPersistentWatches: () => void;
}

/**
 * Opens connections and finds out which servers have persistent watches.
 *
 * A server before 3.6 closes the connection when it is asked for one, and its answer may come out of order. So a server is asked
 * when nothing else is under way, before anybody uses the connection, and if it has none, another connection carries the session
 * on. A server that has none, or does not answer, is not asked again for `trustMs`: it may be upgraded, and who is connected
 * again and again does not pay twice each time.
 */
export class PersistentWatchSupport {
  readonly #trustMs: number;
  /** By host and port: whether it has them, and when it said so, as `performance.now()`. */
  readonly #known = new Map<string, { readonly isSupported: boolean; readonly since: number }>();

  constructor(trustMs: number) {
    this.#trustMs = trustMs;
  }

  /** Like {@link openClient}; what the server can do is known when it emits. */
  open(options: ClientOptions): Observable<OpenedClient> {
    return defer(() => {
      const known = this.#known.get(keyOf(options));
      if (!known || (!known.isSupported && performance.now() - known.since >= this.#trustMs)) {
        return this.#openAndAsk(options);
      }
      return openClient(options).pipe(map((client) => this.#opened(client, options, known.isSupported)));
    }).pipe(this.#forgetIfItBreaks(options));
  }

  /** An older server that has taken the place of a newer one hangs up like that, whatever else it was to answer first. */
  #forgetIfItBreaks(server: Server): MonoTypeOperatorFunction<OpenedClient> {
    return (source) =>
      defer(() => {
        let last: OpenedClient | undefined;
        return source.pipe(
          tap({
            next: (opened) => (last = opened),
            error: () => {
              if (last?.hasPersistentWatches && last.client.awaitsTree) this.#known.delete(keyOf(server));
            },
          }),
        );
      });
  }

  #openAndAsk(options: ClientOptions): Observable<OpenedClient> {
    return openClient(options).pipe(
      switchMap((client) => {
        // Also the one who does not answer is not asked again.
        let isSupported = false;
        return client
          .watchTree(PROBE, () => undefined)
          .pipe(
            take(1),
            tap(() => (isSupported = true)),
            finalize(() => this.#learn(options, isSupported)),
            map(() => this.#opened(client, options, true)),
            catchError((error: unknown) =>
              throwError(() => (hasCode(error, 'UNSUPPORTED') ? new Refusal(client) : error)),
            ),
          );
      }),
      // Here the connection is dropped already, which the server would close in a moment.
      catchError((error: unknown) => {
        if (!(error instanceof Refusal)) return throwError(() => error);
        const { sessionId: id, sessionPassword: password, seenZxid } = error.client;
        return openClient({ ...options, resume: { id, password }, seenZxid }).pipe(
          map((client) => this.#opened(client, options, false)),
        );
      }),
    );
  }

  #opened(client: ZkClient, options: ClientOptions, hasPersistentWatches: boolean): OpenedClient {
    return { client, hasPersistentWatches, refusedPersistentWatches: () => this.#learn(options, false) };
  }

  #learn(server: Server, isSupported: boolean): void {
    if (!isSupported) log('%s has no persistent watches: directories are read again when they change', keyOf(server));
    this.#known.set(keyOf(server), { isSupported, since: performance.now() });
  }
}

/** The server answered that it has no persistent watches, and will close the connection. */
class Refusal extends Error {
  readonly client: ZkClient;

  constructor(client: ZkClient) {
    super('The server has no persistent watches.');
    this.client = client;
  }
}

function keyOf({ host, port }: Server): string {
  return `${host}:${port}`;
}
