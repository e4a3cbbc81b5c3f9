import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
  merge,
  mergeMap,
  type Observable,
  of,
  skip,
  type SchedulerLike,
  Subscription,
} from 'rxjs';
import { type BackoffOptions, retryWithBackoff, whileConnected } from '../connection/index.js';
import { orElse } from '../internal/orElse.js';
import { debugLog } from '../internal/debug.js';
import type { ConnectionState, RegistryNode, Session } from '../port/index.js';

/** How {@link ReleasedNodes} looks for what came back. */
export interface ReleasedNodesOptions {
  /** The directory above all services. */
  readonly root: string;
  /** Whether a node at that path is wanted, or is being taken back already. */
  readonly isWanted: (path: string) => boolean;
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
}

/** How many released nodes are remembered, for servers that cannot list the nodes of a session, and of persistent ones. */
const MOST_REMEMBERED = 1_000;
/** How many nodes are removed at a time. */
const AT_ONCE = 16;

const log = debugLog('registry');

/**
 * Removes nodes that came back after they were released.
 *
 * An older copy of the registry's data, such as a restored snapshot, has nodes that were released since. Those of our session would
 * stand as long as it lives, and persistent ones for ever. So whenever the connection was interrupted after something was released,
 * the nodes of the session are listed, and those that nobody wants are removed.
 */
export class ReleasedNodes {
  readonly #connection: Observable<ConnectionState>;
  readonly #options: ReleasedNodesOptions;
  /** The session that released something last, and what it released. */
  #session: Session | undefined;
  readonly #ephemeral = new Set<string>();
  /** The version of each persistent node that was released: a later one is somebody else's. */
  readonly #persistent = new Map<string, bigint>();
  #following = Subscription.EMPTY;

  constructor(connection: Observable<ConnectionState>, options: ReleasedNodesOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Notes that a node is gone because nobody wants it any more; `session` is the one that found it so. */
  add(session: Session, node: RegistryNode): void {
    if (node.owner === undefined) {
      this.#persistent.delete(node.path);
      this.#persistent.set(node.path, node.version);
      forgetOldest(this.#persistent);
    } else if (node.owner === session.id) {
      if (this.#session !== session) this.#ephemeral.clear();
      this.#session = session;
      this.#ephemeral.delete(node.path);
      this.#ephemeral.add(node.path);
      forgetOldest(this.#ephemeral);
    }
    if (!this.#following.closed) return;
    const { retry = {}, scheduler } = this.#options;
    // The connection in which it was released has no gap; every later one may have.
    const later = this.#connection.pipe(
      skip(1),
      whileConnected((connected) =>
        defer(() => this.#removeUnwanted(connected)).pipe(
          retryWithBackoff({ ...retry, ...(scheduler && { scheduler }) }),
          catchError((error: unknown) => {
            log('nodes that came back cannot be removed: %o', error);
            return EMPTY;
          }),
        ),
      ),
    );
    this.#following = later.subscribe({ error: () => this.#following.unsubscribe() });
  }

  #removeUnwanted(session: Session): Observable<never> {
    const { root, isWanted } = this.#options;
    const owned =
      session === this.#session
        ? orElse('UNSUPPORTED', session.owned(), () => of([...this.#ephemeral]))
        : of<readonly string[]>([]);
    const unwanted = owned.pipe(
      mergeMap((paths) => paths.filter((path) => isServiceNode(root, path) && !isWanted(path))),
      mergeMap((path) => session.remove(path, { owner: session.id }), AT_ONCE),
    );
    const persistent = from([...this.#persistent].filter(([path]) => !isWanted(path))).pipe(
      mergeMap(
        ([path, version]) =>
          session
            .read(path)
            .pipe(
              concatMap((node) =>
                node && node.owner === undefined && node.version <= version
                  ? session.remove(path, { version: node.version })
                  : EMPTY,
              ),
            ),
        AT_ONCE,
      ),
    );
    return merge(unwanted, persistent).pipe(ignoreElements());
  }
}

/** A node of a service lies in a category of a service: others of the session are its user's. */
function isServiceNode(root: string, path: string): boolean {
  return path.startsWith(`${root}/`) && path.slice(root.length).split('/').length === 4;
}

function forgetOldest(remembered: {
  readonly size: number;
  keys(): Iterator<string>;
  delete(key: string): boolean;
}): void {
  if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value as string);
}
