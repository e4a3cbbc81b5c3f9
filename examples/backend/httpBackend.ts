// A backend of your own, for a server that speaks HTTP: how requests are sent, and what a session is made of. All else – the
// states, the waits between attempts, pings, the clock that says that a session may be over – is done by `connect`.
import { defer, finalize, map, merge, type Observable, scan, throwError } from 'rxjs';
import { RegistryError } from 'rx-registry';
import {
  type Backend,
  type BackoffOptions,
  checkPath,
  connect,
  type CreateOptions,
  type DirectoryChange,
  type DirectoryEvent,
  type DirectorySetChange,
  type Link,
  type NodeCondition,
  type NodeOperations,
  type NodeState,
  type RegistryNode,
  served,
  type Session,
  watchEachDirectory,
} from 'rx-registry/backend';
import { type Answer, Connection, noConnection } from './httpConnection.js';

/** How {@link httpBackend} connects. */
export interface HttpBackendOptions {
  readonly url: string;
  readonly sessionTimeoutMs?: number;
  readonly reconnect?: BackoffOptions;
  readonly fetch?: typeof fetch;
}

/** A registry on a server that speaks HTTP. */
export function httpBackend(options: HttpBackendOptions): Backend {
  const { url, sessionTimeoutMs = 10_000, reconnect = {}, fetch = globalThis.fetch } = options;
  const open = (previous: Session | undefined): Observable<Link> =>
    served(openLink(new Connection(url, fetch), previous, sessionTimeoutMs));
  return connect(open, { name: 'http', at: url, sessionTimeoutMs, reconnect });
}

/** Opens one connection, which carries on the session that there was or begins one. */
function openLink(connection: Connection, previous: Session | undefined, timeoutMs: number): Observable<Link> {
  return defer(() => {
    let session: HttpSession | undefined;
    let isEnding = false;
    return connection.stream('open', { session: previous?.id, timeoutMs }).pipe(
      map((answer): Link => {
        connection.identity = { session: answer.session!, link: answer.link! };
        session = previous instanceof HttpSession ? previous : new HttpSession(answer.session!, answer.timeoutMs!);
        session.connection = connection;
        return {
          session,
          ping: () => connection.ask('ping'),
          end: () => {
            isEnding = true;
            return connection.ask('end').pipe(finalize(() => connection.close()));
          },
        };
      }),
      finalize(() => {
        if (session) session.connection = undefined;
        // Otherwise it is closed when the end of the session has been acknowledged.
        if (!isEnding) connection.close();
      }),
    );
  });
}

/** What can be asked of the server while there is a connection. */
class HttpSession implements Session {
  readonly id: string;
  readonly timeoutMs: number;
  connection: Connection | undefined;
  readonly nodes: NodeOperations = {
    create: (path, options) => this.#ask('create', path, written(options)).pipe(map(stateOf)),
    takeOver: (node, options) =>
      this.#ask('takeOver', node.path, { version: Number(node.version), ...written(options) }).pipe(map(stateOf)),
    move: ({ path: from, version }, path, options) =>
      this.#ask('move', path, { from, version: Number(version), ...written(options) }).pipe(map(stateOf)),
    read: (path) => this.#ask('read', path).pipe(map(stateOf)),
    write: (path, data, condition) =>
      this.#ask('write', path, { ...written({ data }), ...conditionOf(condition) }).pipe(map(stateOf)),
    remove: (path, condition) => this.#ask('remove', path, conditionOf(condition)).pipe(map(stateOf)),
    watch: (path) => this.#use(path, (connection) => connection.stream('watchNode', { path })).pipe(map(stateOf)),
  };

  constructor(id: string, timeoutMs: number) {
    this.id = id;
    this.timeoutMs = timeoutMs;
  }

  readonly owned = () => this.#ask('owned', '/').pipe(map(({ names }) => names!));
  readonly sync = () => this.#ask('read', '/').pipe(map(() => undefined));
  readonly makeDirectory = (path: string) => this.#ask('makeDirectory', path).pipe(map(() => undefined));
  readonly create = (path: string, options?: CreateOptions) => this.nodes.create(path, options).pipe(map(made));
  readonly takeOver = (node: RegistryNode, options?: CreateOptions) =>
    this.nodes.takeOver(node, options).pipe(map(made));
  readonly move = (node: RegistryNode, path: string, options?: CreateOptions) =>
    this.nodes.move(node, path, options).pipe(map(made));
  readonly read = (path: string) => this.nodes.read(path).pipe(map(({ node }) => node));
  readonly list = (path: string) => this.#ask('list', path).pipe(map(({ names }) => names!));
  readonly write = (path: string, data: Uint8Array, condition?: NodeCondition) =>
    this.nodes.write(path, data, condition).pipe(map(made));
  readonly remove = (path: string, condition?: NodeCondition) =>
    this.#ask('remove', path, conditionOf(condition)).pipe(map(({ removed }) => removed!));
  readonly watchNode = (path: string) => this.nodes.watch(path).pipe(map(({ node }) => node));
  readonly watchDirectory = (path: string) =>
    this.#use(path, (connection) => connection.stream('watchDirectory', { path })).pipe(
      scan((before: Listing | undefined, { names }) => listing(new Set(names), before), undefined),
      map((now) => now!.change),
    );
  readonly watchDirectories = (changes: Observable<DirectorySetChange>): Observable<DirectoryEvent> =>
    defer(() => {
      if (!this.connection) return throwError(noConnection);
      return merge(this.connection.broken, watchEachDirectory(changes, this.watchDirectory)).pipe(map(unlessLost));
    });

  #ask(operation: string, path: string, body: object = {}): Observable<Answer> {
    return this.#use(path, (connection) => connection.ask(operation, { path, ...body }));
  }

  #use(path: string, work: (connection: Connection) => Observable<Answer>): Observable<Answer> {
    return defer(() => {
      checkPath(path);
      return this.connection ? work(this.connection) : throwError(noConnection);
    });
  }
}

interface Listing {
  readonly names: ReadonlySet<string>;
  readonly change: DirectoryChange;
}

function listing(names: ReadonlySet<string>, before: Listing | undefined): Listing {
  if (!before) return { names, change: { type: 'snapshot', names: [...names] } };
  const added = [...names].filter((name) => !before.names.has(name));
  const removed = [...before.names].filter((name) => !names.has(name));
  return { names, change: { type: 'delta', added, removed } };
}

function written({ data, ephemeral, sequential }: CreateOptions = {}): object {
  return { data: data && Buffer.from(data).toString('base64'), ephemeral, sequential };
}

function conditionOf({ version, owner }: NodeCondition = {}): object {
  return { version: version === undefined ? undefined : Number(version), owner };
}

function stateOf({ node, revision }: Answer): NodeState {
  const read = node && {
    path: node.path,
    data: new Uint8Array(Buffer.from(node.data, 'base64')),
    owner: node.owner,
    version: BigInt(node.version),
  };
  return { node: read, position: BigInt(revision!) };
}

function made({ node }: NodeState): RegistryNode {
  return node!;
}

/** A directory that is not watched any more because the connection is gone is the end of all. */
function unlessLost(event: DirectoryEvent): DirectoryEvent {
  if ('error' in event && event.error instanceof RegistryError && event.error.code === 'CONNECTION_LOST')
    throw event.error;
  return event;
}
