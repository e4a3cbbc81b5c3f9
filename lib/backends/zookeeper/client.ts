import nodeZooKeeper from 'node-zookeeper-client';
import type { ACL as ClientAcl, Stat } from 'node-zookeeper-client';
import { concat, endWith, ignoreElements, map, Observable, type Subscriber } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { ClientWatches, type WatchKind } from './clientWatches.js';
import { Deliveries } from './deliveries.js';
import { type AclToWrite, encodeTransaction, type Operation } from './encodeTransaction.js';
import { toRegistryError, ZK } from './errors.js';
import { type ConnectionOptions, LibraryClient } from './libraryClient.js';
import { RefusedRequests } from './refusedRequests.js';
import { type Done, RequestWindow } from './requestWindow.js';
import type { NodeEvent } from './treeWatches.js';
import {
  decodeStat,
  decodeStrings,
  encodePathAndNumber,
  encodeString,
  encodeWatches,
  type NodeStat,
  OPCODE,
  PERSISTENT_RECURSIVE,
  WATCHER_TYPE,
} from './wire.js';

export type { WatchKind } from './clientWatches.js';
export { RefusedError } from './libraryClient.js';
export { type NodeStat, sessionName } from './wire.js';

const { CreateMode } = nodeZooKeeper;

/** After every transaction. */
const LATEST = 2n ** 63n - 1n;

/** Small requests take no time on any link. */
const MANY_BYTES = 32_768;

/** A watch on a node, and what is called when it fires. */
export interface NodeWatch {
  readonly path: string;
  readonly fired: () => void;
  /** Whether nobody wants it any more; asked before it is sent. */
  readonly left: () => boolean;
}

/** What became of a transaction: when it was carried out, or which of its nodes failed it, and why. */
export type TransactionOutcome =
  { readonly zxid: bigint } | { readonly failedAt: number; readonly error: RegistryError };

/** A node that another one shall take the place of, if it has that data version. */
export interface NodeToReplace {
  readonly path: string;
  readonly dataVersion: number;
  readonly data?: Uint8Array | undefined;
  readonly ephemeral?: boolean | undefined;
}

/** What may be done with the nodes that we make. */
export type Acl = readonly ClientAcl[];

/** How {@link openClient} opens a connection. */
export interface ClientOptions extends ConnectionOptions {
  readonly acl: Acl;
  /** What is known of the requests at which servers close the connection. @defaultValue nothing */
  readonly refused?: RefusedRequests;
}

/**
 * Opens one transport connection: emits once when in session, errors when it fails or breaks.
 *
 * `SESSION_EXPIRED` if the server does not know the session to resume, `NOT_AUTHORIZED` if it refuses the credentials.
 * Unsubscribing drops the transport and leaves the session alive, but for a client on which {@link ZkClient.end} was called.
 */
export function openClient(options: ClientOptions): Observable<ZkClient> {
  return new Observable((subscriber) => {
    const client = new ZkClient(options, subscriber);
    return () => client.drop();
  });
}

/** One transport connection to a server, in session: the operations that we use, as observables. */
export class ZkClient {
  readonly #library: LibraryClient;
  readonly #acl: Acl;
  readonly #deliveries = new Deliveries();
  readonly #requests: RequestWindow;
  readonly #watches = new ClientWatches(this.#deliveries, {
    add: (path, onSent) => this.#addTree(path, onSent),
    remove: (path) => void this.#removeTree(path).subscribe(whateverComesOfIt),
  });
  #ending = false;
  #unansweredTrees = 0;

  constructor(options: ClientOptions, subscriber: Subscriber<ZkClient>) {
    this.#acl = options.acl;
    this.#requests = new RequestWindow(this.#deliveries, {
      codeOf: (error) => this.#library.codeOf(error),
      // An answer may wait for half the time between two pings: then pings are answered in time, and soon enough to be proofs.
      patienceMs: () => this.#library.sessionTimeoutMs / 12,
      refused: options.refused ?? new RefusedRequests(options.sessionTimeoutMs),
    });
    this.#library = new LibraryClient(options, {
      connected: () => {
        this.#requests.opened();
        this.#deliveries.add(() => subscriber.next(this));
      },
      failed: (error) => {
        // Before the requests that fail with it: they are then left, not tried again, and the reason is known.
        this.#deliveries.addFirst(() => subscriber.error(error));
        if (error.code === 'CONNECTION_LOST') this.#requests.closed();
        this.#finish(error);
      },
      notified: (event) => this.#watches.notify(event),
    });
  }

  /** The server's address, as `address:port`. */
  get address(): string {
    return this.#library.address ?? '';
  }

  get sessionId(): Buffer {
    return this.#library.sessionId;
  }

  get sessionPassword(): Buffer {
    return this.#library.sessionPassword;
  }

  /** The session timeout that the server granted, in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.#library.sessionTimeoutMs;
  }

  /** The last transaction that this connection has seen. */
  get seenZxid(): Buffer {
    return this.#library.seenZxid;
  }

  /** The bytes that went over the connection so far, either way. */
  get bytes(): number {
    return this.#library.bytes;
  }

  /** Whether requests are under way that take long to send over a slow link. */
  get isSending(): boolean {
    return this.#requests.bytesUnderWay > MANY_BYTES;
  }

  /** Asks for a sign of life, ahead of all that waits: behind ten thousand requests an answer would pass for silence. */
  ping(): Observable<unknown> {
    return this.#requests.request<void>({
      operation: 'ping',
      path: '/',
      urgent: true,
      send: (done) =>
        this.#library.api.exists('/', (error: unknown) => {
          // The server says goodbye: that is no sign of life, and the end of the connection follows.
          if (this.#library.codeOf(error) === ZK.SESSION_CLOSED_REQUIRE_AUTH) return;
          done(error, () => undefined);
        }),
    });
  }

  exists(path: string, watch?: () => void): Observable<NodeStat | undefined> {
    return this.#read('exists', path, 'node', watch, (done, arm) => {
      const callback = (error: unknown, stat: Stat | null): void =>
        done(error, () => (stat ? decodeStat(stat) : undefined));
      if (arm) this.#library.api.exists(path, () => undefined, callback as never);
      else this.#library.api.exists(path, callback as never);
    });
  }

  getData(path: string, watch?: () => void): Observable<{ data: Uint8Array; stat: NodeStat }> {
    return this.#read('read', path, 'node', watch, (done, arm) => {
      const callback = (error: unknown, data: Buffer | undefined, stat: Stat): void =>
        done(error, () => ({ data: data ?? new Uint8Array(), stat: decodeStat(stat) }));
      if (arm) this.#library.api.getData(path, () => undefined, callback as never);
      else this.#library.api.getData(path, callback as never);
    });
  }

  getChildren(path: string, watch?: () => void): Observable<readonly string[]> {
    return this.readDirectory(path, watch).pipe(map(({ names }) => names));
  }

  /** Reads the children of a node and what the node is, at one moment. */
  readDirectory(path: string, watch?: () => void): Observable<{ names: readonly string[]; stat: NodeStat }> {
    return this.#read('list', path, 'children', watch, (done, arm) => {
      const callback = (error: unknown, names: string[], stat: Stat): void =>
        done(error, () => ({ names, stat: decodeStat(stat) }));
      if (arm) this.#library.api.getChildren(path, () => undefined, callback as never);
      else this.#library.api.getChildren(path, callback as never);
    });
  }

  /** Sets a one-shot watch on the children of a node, whatever they are by now; it fires at once if there is no such node. */
  watchChildren(path: string, fired: () => void): Observable<void> {
    return this.#requests.request<void>({
      operation: 'watch',
      path,
      send: (done) => {
        this.#watches.add('children', path, fired);
        const body = encodeWatches(LATEST, { children: [path] });
        this.#library.send(OPCODE.SET_WATCHES, OPCODE.DELETE, body, (error) => {
          if (error) this.#watches.delete('children', path, fired);
          done(error, () => undefined);
        });
      },
    });
  }

  /** Lists the ephemeral nodes of this session whose path begins with `prefix`, on a server from 3.6 on. */
  ephemerals(prefix: string): Observable<readonly string[]> {
    return this.#requests.request<readonly string[]>({
      operation: 'list the nodes of the session',
      path: prefix,
      // The library does not know this answer, so it is read from the packet.
      send: (done) =>
        this.#library.send(OPCODE.GET_EPHEMERALS, OPCODE.DELETE, encodeString(prefix), (error) =>
          done(error, () => decodeStrings(this.#library.answerBody)),
        ),
    });
  }

  /** Has the server catch up with its leader. */
  sync(): Observable<void> {
    return this.#requests.request<void>({
      operation: 'sync',
      path: '/',
      // The library does not know this answer, of which nothing is needed but that it came.
      send: (done) =>
        this.#library.send(OPCODE.SYNC, OPCODE.DELETE, encodeString('/'), (error) => done(error, () => undefined)),
    });
  }

  /** Makes a node; emits its path and the transaction that made it. */
  create(
    path: string,
    options: { data?: Uint8Array | undefined; ephemeral?: boolean | undefined; sequential?: boolean | undefined },
  ): Observable<{ path: string; zxid: bigint }> {
    return this.#requests.request({
      operation: 'create',
      path,
      dataLength: options.data?.length,
      send: (done) => {
        const data = options.data && Buffer.from(options.data);
        this.#library.api.create(path, data as Buffer, [...this.#acl], modeOf(options), (error, actual) =>
          done(error, () => ({ path: actual, zxid: this.#library.answeredZxid })),
        );
      },
    });
  }

  /** Makes several nodes in one transaction: all, or none and which one failed it. */
  createAll(
    nodes: readonly { path: string; data?: Uint8Array | undefined; ephemeral?: boolean | undefined }[],
  ): Observable<TransactionOutcome> {
    return this.#transact(
      'create',
      nodes.map(({ path, data, ephemeral }) => [{ type: 'create', path, data, mode: modeOf({ ephemeral }) }]),
    );
  }

  /** As {@link replace}, of several nodes in one transaction: all, or none and which one failed it. */
  replaceAll(nodes: readonly NodeToReplace[]): Observable<TransactionOutcome> {
    return this.#transact(
      'take over',
      nodes.map(({ path, dataVersion, data, ephemeral }): Operation[] => {
        const writes = writesAfter(dataVersion);
        const dataAt = (step: number): Uint8Array | undefined => (step === writes ? data : undefined);
        return [
          { type: 'remove', path, dataVersion },
          { type: 'create', path, data: dataAt(0), mode: modeOf({ ephemeral }) },
          ...Array.from({ length: writes }, (_, write): Operation => ({
            type: 'write',
            path,
            data: dataAt(write + 1),
            dataVersion: -1,
          })),
        ];
      }),
    );
  }

  /** Does what is to be done with several nodes in one transaction. */
  #transact(operation: string, nodes: readonly (readonly Operation[])[]): Observable<TransactionOutcome> {
    const operations = nodes.flat();
    const outcome = (results: readonly { readonly err?: number }[]): TransactionOutcome => {
      // Those before it are told 0, those after it that they depend on it.
      const at = results.findIndex(({ err = ZK.OK }) => err !== ZK.OK);
      if (at === -1) return { zxid: this.#library.answeredZxid };
      const failed = operations[at]!;
      const failedAt = nodes.findIndex((each) => each.includes(failed));
      return { failedAt, error: toRegistryError(results[at]!.err!, operation, failed.path) };
    };
    const bytesOf = (each: Operation): number =>
      Buffer.byteLength(each.path) + ('data' in each ? (each.data?.length ?? 0) : 0);
    return this.#requests.request({
      operation,
      path: `${nodes.length} nodes`,
      isBatch: nodes.length > 1,
      dataLength: operations.reduce((sum, each) => sum + bytesOf(each), 0),
      send: (done) => {
        const body = encodeTransaction(operations, this.#acl as unknown as readonly AclToWrite[]);
        // Sent by ourselves: the library would make an error of each result's code, and throw at one that it does not know.
        this.#library.send(OPCODE.MULTI, OPCODE.MULTI, body, (error, answer) =>
          done(error, () => outcome(answer!.payload.results)),
        );
      },
    });
  }

  setData(path: string, data: Uint8Array, dataVersion: number): Observable<NodeStat> {
    return this.#requests.request({
      operation: 'write',
      path,
      dataLength: data.length,
      send: (done) =>
        this.#library.api.setData(path, Buffer.from(data), dataVersion, (error, stat) =>
          done(error, () => decodeStat(stat)),
        ),
    });
  }

  remove(path: string, dataVersion: number): Observable<void> {
    return this.#requests.request<void>({
      operation: 'remove',
      path,
      send: (done) => this.#library.api.remove(path, dataVersion, (error) => done(error, () => undefined)),
    });
  }

  /**
   * Replaces a node by a new one in one transaction, if it still has that data version; emits the transaction.
   *
   * The new node's data version differs from the old one's: see {@link writesAfter}.
   */
  replace(
    path: string,
    dataVersion: number,
    options: { data?: Uint8Array | undefined; ephemeral?: boolean | undefined },
  ): Observable<bigint> {
    const writes = writesAfter(dataVersion);
    return this.#requests.request({
      operation: 'take over',
      path,
      dataLength: options.data?.length,
      send: (done) => {
        const data = Buffer.from(options.data ?? []);
        // The content goes with the last step only, however many there are.
        const dataAt = (step: number): Buffer => (step === writes ? data : Buffer.alloc(0));
        const transaction = this.#library.transactionWithRemoval(path, dataVersion);
        transaction.create(path, dataAt(0), [...this.#acl], modeOf({ ephemeral: options.ephemeral }));
        for (let write = 1; write <= writes; write += 1) transaction.setData(path, dataAt(write), -1);
        transaction.commit((error) => done(error, () => this.#library.answeredZxid));
      },
    });
  }

  /** Removes a node that has that data version, and makes another, in one transaction; emits the transaction. */
  move(
    from: string,
    dataVersion: number,
    to: string,
    options: { data?: Uint8Array | undefined; ephemeral?: boolean | undefined },
  ): Observable<bigint> {
    return this.#requests.request({
      operation: 'move to',
      path: to,
      dataLength: Buffer.byteLength(from) + (options.data?.length ?? 0),
      send: (done) => {
        const transaction = this.#library.transactionWithRemoval(from, dataVersion);
        const data = Buffer.from(options.data ?? []);
        transaction.create(to, data, [...this.#acl], modeOf({ ephemeral: options.ephemeral }));
        transaction.commit((error) => done(error, () => this.#library.answeredZxid));
      },
    });
  }

  /**
   * Watches nodes that were there when `zxid` was the last transaction; one that went or was written to since fires at once.
   *
   * It is what clients send after a reconnect, and costs one request for however many nodes there are.
   */
  watchUnchanged(watches: readonly NodeWatch[], zxid: bigint): Observable<void> {
    return this.#requests.request<void>({
      operation: 'watch',
      path: `${watches.length} nodes`,
      isBatch: watches.length > 1,
      dataLength: watches.reduce((sum, { path }) => sum + Buffer.byteLength(path), 0),
      send: (done) => {
        const wanted = watches.filter(({ left }) => !left());
        if (wanted.length === 0) return done(undefined, () => undefined);
        for (const { path, fired } of wanted) this.#watches.add('node', path, fired);
        // Whoever is told of a tree is told of its root, too, and not twice: see `#read`.
        const paths = wanted.map(({ path }) => path).filter((path) => !this.#watches.hasTree(path));
        this.#library.send(OPCODE.SET_WATCHES, OPCODE.DELETE, encodeWatches(zxid, { nodes: paths }), (error) => {
          if (error) for (const { path, fired } of wanted) this.#watches.delete('node', path, fired);
          done(error, () => undefined);
        });
      },
    });
  }

  /** Releases a watch here, and on the server when nobody else here has it. */
  removeWatch(kind: WatchKind, path: string, watch: () => void): void {
    if (!this.#watches.delete(kind, path, watch)) return;
    const type = kind === 'children' ? WATCHER_TYPE.CHILDREN : WATCHER_TYPE.DATA;
    // Somebody else may have set one by the time that this is sent.
    this.#removeOnServer(path, type, () => !this.#watches.has(kind, path) && !this.#watches.hasTree(path)).subscribe(
      whateverComesOfIt,
    );
  }

  /**
   * Watches a node and all below it; emits once, from when on whatever happens is told to `listener`.
   *
   * Errors with `UNSUPPORTED` on a server before 3.6. It is not told of the end of the connection: see {@link ended}.
   */
  watchTree(path: string, listener: (event: NodeEvent) => void): Observable<void> {
    return this.#watches.watchTree(path, listener);
  }

  /**
   * Sets a persistent watch and removes it, on a node that nobody else watches; errors where {@link watchTree} would.
   *
   * A server before 3.6 closes the connection after it has answered.
   */
  tryTree(path: string): Observable<void> {
    return concat(
      this.#addTree(path, () => undefined),
      this.#removeTree(path),
    ).pipe(ignoreElements(), endWith(undefined));
  }

  /** Whether the server was asked for a {@link watchTree} and has not answered. */
  get awaitsTree(): boolean {
    return this.#unansweredTrees > 0;
  }

  /** Errors when the connection is over: whoever waits for a watch to fire would wait for ever. */
  get ended(): Observable<never> {
    return this.#requests.ended;
  }

  /** Ends the session; completes when the server has acknowledged it. The transport closes with its unsubscription. */
  end(): Observable<never> {
    return new Observable((subscriber) => {
      this.#ending = true;
      subscriber.add(() => {
        this.#ending = false;
        this.drop();
      });
      if (this.#requests.over) return subscriber.complete();
      subscriber.add(this.ended.subscribe({ error: () => subscriber.complete() }));
      // The library now fails calls on the spot: those that wait would start one inside another.
      this.#requests.dropWaiting();
      this.#library.refuseCalls();
      this.#library.send(OPCODE.CLOSE_SESSION, OPCODE.CLOSE_SESSION, Buffer.alloc(0), () =>
        this.#deliveries.add(() => subscriber.complete()),
      );
    });
  }

  /** Drops the transport and leaves the session to be resumed or to expire. */
  drop(): void {
    if (this.#ending) return;
    this.#finish(new RegistryError('CONNECTION_LOST', 'The connection was dropped.'));
    this.#library.destroy();
  }

  #finish(error: RegistryError): void {
    if (this.#requests.over) return;
    this.#requests.fail(error);
    this.#library.stop();
    this.#watches.clear();
  }

  /** A read that may set a one-shot watch; `arm` says whether the server has to be asked for it. */
  #read<T>(
    operation: string,
    path: string,
    kind: WatchKind,
    watch: (() => void) | undefined,
    send: (done: Done<T>, arm: boolean) => void,
  ): Observable<T> {
    if (!watch) return this.#requests.request({ operation, path, send: (done) => send(done, false) });
    return this.#requests.request({
      operation,
      path,
      send: (done) => {
        this.#watches.add(kind, path, watch);
        send(
          (error, result) => {
            if (this.#library.codeOf(error) !== ZK.OK) this.#watches.delete(kind, path, watch);
            done(error, result);
          },
          // Up to 3.8 a server takes a one-shot watch on the same node for the persistent one's end; that one tells us, too.
          // It keeps watches on children apart, and the persistent one does not tell of them.
          kind === 'children' || !this.#watches.hasTree(path),
        );
      },
    });
  }

  #addTree(path: string, onSent: () => void): Observable<unknown> {
    return this.#requests.request<void>({
      // Not the name of the others: older servers close the connection at this one alone.
      operation: 'watch all below',
      path,
      send: (done) => {
        onSent();
        this.#unansweredTrees += 1;
        this.#watches.treeAdded(path);
        const body = encodePathAndNumber(path, PERSISTENT_RECURSIVE);
        this.#library.send(OPCODE.ADD_WATCH, OPCODE.DELETE, body, (error) => {
          if (this.#library.codeOf(error) !== ZK.CONNECTION_LOSS) this.#unansweredTrees -= 1;
          if (error) this.#watches.treeRemoved(path);
          done(error, () => undefined);
        });
      },
    });
  }

  #removeTree(path: string): Observable<void> {
    return this.#removeOnServer(path, WATCHER_TYPE.ANY, () => {
      this.#watches.treeRemoved(path);
      return true;
    });
  }

  /** Removes watches in order with all other requests; `isNeeded` is asked when it is this one's turn. */
  #removeOnServer(path: string, type: number, isNeeded: () => boolean): Observable<void> {
    return this.#requests.request<void>({
      operation: 'unwatch',
      path,
      send: (done) => {
        if (!isNeeded()) return done(undefined, () => undefined);
        const body = encodePathAndNumber(path, type);
        this.#library.send(OPCODE.REMOVE_WATCHES, OPCODE.DELETE, body, (error) => done(error, () => undefined));
      },
    });
  }
}

/** For a removal, which fails if the watch has fired by then, or with the connection. */
const whateverComesOfIt = { error: () => undefined };

/**
 * How often a node is written to that takes the place of another one, so that its data version is another one, too.
 *
 * The server can make a removal conditional on nothing else, so that is what keeps a late removal by the old owner from
 * meeting the new node.
 */
export function writesAfter(dataVersion: number): number {
  return (dataVersion + 1) % 8;
}

function modeOf(options: { ephemeral?: boolean | undefined; sequential?: boolean | undefined }): number {
  if (options.ephemeral) return options.sequential ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.EPHEMERAL;
  return options.sequential ? CreateMode.PERSISTENT_SEQUENTIAL : CreateMode.PERSISTENT;
}
