import nodeZooKeeper from 'node-zookeeper-client';
import type { ACL as ClientAcl, Client, Stat, Transaction } from 'node-zookeeper-client';
import type { Socket } from 'node:net';
import { Observable, Subject, type Subscriber } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { type AclToWrite, encodeCreates } from './encodeCreates.js';
import { toRegistryError, ZK } from './errors.js';
import { PacketFramer } from './packetFramer.js';
import { type NodeEvent, TreeWatches } from './treeWatches.js';

// This is the one file that knows node-zookeeper-client, and the only one that relies on what it does not document. One
// client object is used for one transport connection only: what it keeps over a disconnect (half a packet, watches to set
// again, calls to send again) is what makes it unsafe, so it never gets to reconnect.

const { createClient, CreateMode } = nodeZooKeeper;

/** The codes that the client can make an error of; it throws in its socket handler for any other. */
const CODES_OF_CLIENT: ReadonlySet<number> = new Set([
  0, -1, -2, -3, -4, -5, -6, -7, -8, -100, -101, -102, -103, -108, -110, -111, -112, -113, -114, -115,
]);

/** States and operation codes of its connection manager (source: its `ConnectionManager.js`, and `ZooDefs.OpCode`). */
const STATE = { DISCONNECTED: 0, CONNECTING: 1, CONNECTED: 2, CLOSING: -1, EXPIRED: -3, AUTH_FAILED: -4 } as const;
const OPCODE = {
  DELETE: 2,
  MULTI: 14,
  REMOVE_WATCHES: 18,
  SET_WATCHES: 101,
  GET_EPHEMERALS: 103,
  ADD_WATCH: 106,
  CLOSE_SESSION: -11,
} as const;

/** Kinds of watches (source: `Watcher.WatcherType` and `AddWatchMode` of ZooKeeper 3.8). */
const WATCHER_TYPE = { CHILDREN: 1, DATA: 2, ANY: 3 } as const;
const PERSISTENT_RECURSIVE = 1;

/** What happened, by the number that the server tells it with; 4, children changed, is told to one-shot watches only. */
const EVENTS: readonly (NodeEvent['type'] | undefined)[] = [undefined, 'created', 'deleted', 'changed'];

/** A packet's fixed offsets: length, xid, zxid, error. */
const OFFSET = { XID: 4, ZXID: 8, ERROR: 16, HEADER: 20 } as const;

/** How many requests are under way at once: enough to fill the pipe, few enough for a ping not to wait behind them. */
const WINDOW = 256;

/** The server drops the whole connection for a packet beyond its `jute.maxbuffer`, 1048575 bytes by default. */
const LARGEST_REQUEST = 1_000_000;

/** What of a `Client` is used though it is not documented. */
interface Internals {
  servers: { host: string; port: number }[];
  state: number;
  socket?: Socket;
  connectTimeoutHandler: NodeJS.Timeout | null;
  zxid: Buffer;
  packetQueue: unknown;
  watcherManager: { emit(event: { type: number; path: string }): void };
  connect(): void;
  queue(
    request: RawRequest,
    callback: (error: unknown, response?: { payload: { results: readonly { err?: number }[] } }) => void,
  ): void;
  setState(state: number): void;
  getSessionId(): Buffer;
  getSessionPassword(): Buffer;
  getSessionTimeout(): number;
  onSocketData(chunk: Buffer): void;
  onSocketError(error: Error): void;
  registerDataWatcher(): void;
  registerChildWatcher(): void;
  registerExistenceWatcher(): void;
  on(event: 'state', listener: (state: number) => void): void;
}

/** A request of which the client knows no more than that it is one. */
interface RawRequest {
  readonly header: { type: number; xid: number };
  readonly payload: null;
  toBuffer(): Buffer;
}

/** What a node is, as the server tells. */
export interface NodeStat {
  /** The owner's session id; `undefined` for a persistent node. */
  readonly owner: string | undefined;
  /** The transaction that wrote the node last. */
  readonly zxid: bigint;
  /** The transaction that made the node. */
  readonly madeBy: bigint;
  /** Counts the writes since the node was made; what the server can check. */
  readonly dataVersion: number;
}

/** What a watch is set on: a node itself, there or not, or the children of one that is there. */
export type WatchKind = 'node' | 'children';

/** A watch on a node, and what is called when it fires. */
export interface NodeWatch {
  readonly path: string;
  readonly fired: () => void;
}

/** What may be done with the nodes that we make. */
export type Acl = readonly ClientAcl[];

/** How {@link openClient} opens a connection. */
export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly sessionTimeoutMs: number;
  /** The session to carry on. */
  readonly resume?: { readonly id: Buffer; readonly password: Buffer };
  /** The last transaction that was seen: a server that has not got so far yet refuses us. */
  readonly seenZxid?: Buffer;
  readonly auth: readonly { readonly scheme: string; readonly credentials: string }[];
  readonly acl: Acl;
}

/** The server closed the connection instead of answering the handshake, as it does if it is behind what we have seen. */
export class RefusedError extends RegistryError {}

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

/** One transport connection to a server, in session. */
export class ZkClient {
  readonly #client: Client;
  readonly #internals: Internals;
  readonly #acl: Acl;
  readonly #framer = new PacketFramer();
  readonly #watches = new Map<string, Set<() => void>>();
  readonly #trees = new TreeWatches({ add: (path) => this.#addTree(path), remove: (path) => this.#removeTree(path) });
  readonly #outstanding = new Set<Subscriber<never>>();
  readonly #waiting = new Set<() => void>();
  readonly #ended = new Subject<never>();
  #underWay = 0;
  #seenZxid = 0n;
  #connected = false;
  #deliveries: (() => void)[] = [];
  #over: RegistryError | undefined;
  #ending = false;
  #lastError: Error | undefined;
  /** The code that the answer being read really carries, where the client does not know it. */
  #unknownCode: number | undefined;
  /** The packet of the answer that is being read. */
  #answer: Buffer | undefined;

  constructor(options: ClientOptions, subscriber: Subscriber<ZkClient>) {
    this.#acl = options.acl;
    const { host, port, sessionTimeoutMs, resume } = options;
    // The address is set below, because the client cannot read one of IPv6.
    this.#client = createClient('localhost:2181', {
      sessionTimeout: sessionTimeoutMs,
      // A lost answer is ours to resolve: trying again makes a second node of a sequential one.
      retries: 0,
      ...(resume && { sessionId: resume.id, sessionPassword: resume.password }),
    });
    const internals = (this.#internals = internalsOf(this.#client));
    internals.servers = [{ host, port }];
    if (options.seenZxid) {
      internals.zxid = options.seenZxid;
      this.#seenZxid = options.seenZxid.readBigInt64BE();
    }
    for (const { scheme, credentials } of options.auth) this.#client.addAuthInfo(scheme, Buffer.from(credentials));

    const readPacket = internals.onSocketData.bind(internals);
    const noteError = internals.onSocketError.bind(internals);
    const connect = internals.connect.bind(internals);
    internals.onSocketData = (chunk) => this.#read(chunk, readPacket);
    internals.onSocketError = (error) => {
      this.#lastError = error;
      noteError(error);
    };
    // Watches are kept here: the client would send all of them in one packet, too large for the server to take.
    internals.registerDataWatcher =
      internals.registerChildWatcher =
      internals.registerExistenceWatcher =
        () => undefined;
    internals.watcherManager.emit = (event) => this.#notify(event);
    internals.on('state', (state) => this.#onState(state, host, port, subscriber));
    connect();
    // From now on it shall not: a new connection is a new client.
    internals.connect = () => undefined;
  }

  get sessionId(): Buffer {
    return this.#internals.getSessionId();
  }

  get sessionPassword(): Buffer {
    return this.#internals.getSessionPassword();
  }

  /** The session timeout that the server granted, in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.#internals.getSessionTimeout();
  }

  /** The last transaction that this connection has seen. */
  get seenZxid(): Buffer {
    const zxid = Buffer.alloc(8);
    zxid.writeBigInt64BE(this.#seenZxid);
    return zxid;
  }

  /** Asks for a sign of life, ahead of all that waits: behind ten thousand requests an answer would pass for silence. */
  ping(): Observable<unknown> {
    return this.#request(
      'ping',
      '/',
      undefined,
      (done) => this.#client.exists('/', (error: unknown) => done(error, () => undefined)),
      0,
      true,
    );
  }

  exists(path: string, watch?: () => void): Observable<NodeStat | undefined> {
    return this.#request('exists', path, watch && ['node', watch], (done, arm) => {
      const callback = (error: unknown, stat: Stat | null): void =>
        done(error, () => (stat ? toStat(stat) : undefined));
      if (arm) this.#client.exists(path, () => undefined, callback as never);
      else this.#client.exists(path, callback as never);
    });
  }

  getData(path: string, watch?: () => void): Observable<{ data: Uint8Array; stat: NodeStat }> {
    return this.#request('read', path, watch && ['node', watch], (done, arm) => {
      const callback = (error: unknown, data: Buffer | undefined, stat: Stat): void =>
        done(error, () => ({ data: data ?? new Uint8Array(), stat: toStat(stat) }));
      if (arm) this.#client.getData(path, () => undefined, callback as never);
      else this.#client.getData(path, callback as never);
    });
  }

  getChildren(path: string, watch?: () => void): Observable<readonly string[]> {
    return this.#request('list', path, watch && ['children', watch], (done, arm) => {
      const callback = (error: unknown, names: string[]): void => done(error, () => names);
      if (arm) this.#client.getChildren(path, () => undefined, callback as never);
      else this.#client.getChildren(path, callback as never);
    });
  }

  /** Lists the ephemeral nodes of this session whose path begins with `prefix`, on a server from 3.6 on. */
  ephemerals(prefix: string): Observable<readonly string[]> {
    return this.#request('list the nodes of the session', prefix, undefined, (done) => {
      const encoded = Buffer.from(prefix);
      const body = Buffer.alloc(encoded.length + 4);
      body.writeInt32BE(encoded.length, 0);
      encoded.copy(body, 4);
      // The client does not know this answer, so it is read from the packet.
      this.#internals.queue(rawRequest(OPCODE.GET_EPHEMERALS, OPCODE.DELETE, body), (error) =>
        done(error, () => stringsIn(this.#answer!.subarray(OFFSET.HEADER))),
      );
    });
  }

  /** Makes a node; emits its path and the transaction that made it. */
  create(
    path: string,
    options: { data?: Uint8Array | undefined; ephemeral?: boolean | undefined; sequential?: boolean | undefined },
  ): Observable<{ path: string; zxid: bigint }> {
    return this.#request(
      'create',
      path,
      undefined,
      (done) => {
        const data = options.data && Buffer.from(options.data);
        this.#client.create(path, data as Buffer, [...this.#acl], modeOf(options), (error, actual) =>
          done(error, () => ({ path: actual, zxid: this.#internals.zxid.readBigInt64BE() })),
        );
      },
      options.data?.length,
    );
  }

  /** Makes several nodes in one transaction: all, or none and which one failed it. */
  createAll(
    nodes: readonly { path: string; data?: Uint8Array | undefined; ephemeral?: boolean | undefined }[],
  ): Observable<{ readonly zxid: bigint } | { readonly failedAt: number; readonly error: RegistryError }> {
    const outcome = (
      results: readonly { readonly err?: number }[],
    ): { zxid: bigint } | { failedAt: number; error: RegistryError } => {
      // Those before it are told 0, those after it that they depend on it.
      const failedAt = results.findIndex(({ err = ZK.OK }) => err !== ZK.OK);
      if (failedAt === -1) return { zxid: this.#internals.zxid.readBigInt64BE() };
      return { failedAt, error: toRegistryError(results[failedAt]!.err!, 'create', nodes[failedAt]!.path) };
    };
    return this.#request('create', `${nodes.length} nodes`, undefined, (done) => {
      const body = encodeCreates(
        nodes.map(({ path, data, ephemeral }) => ({ path, data, mode: modeOf({ ephemeral }) })),
        this.#acl as unknown as readonly AclToWrite[],
      );
      // Sent by ourselves: the client would make an error of each result's code, and throw at one that it does not know.
      this.#internals.queue(rawRequest(OPCODE.MULTI, OPCODE.MULTI, body), (error, response) =>
        done(error, () => outcome(response!.payload.results)),
      );
    });
  }

  setData(path: string, data: Uint8Array, dataVersion: number): Observable<NodeStat> {
    return this.#request(
      'write',
      path,
      undefined,
      (done) =>
        this.#client.setData(path, Buffer.from(data), dataVersion, (error, stat) => done(error, () => toStat(stat))),
      data.length,
    );
  }

  remove(path: string, dataVersion: number): Observable<void> {
    return this.#request('remove', path, undefined, (done) =>
      this.#client.remove(path, dataVersion, (error) => done(error, () => undefined)),
    );
  }

  /**
   * Replaces a node by a new one in one transaction, if it still has that data version; emits the transaction.
   *
   * The new node's data version differs from the old one's. The server can make a removal conditional on nothing else, so
   * that is what keeps a late removal by the old owner from meeting the new node.
   */
  replace(
    path: string,
    dataVersion: number,
    options: { data?: Uint8Array | undefined; ephemeral?: boolean | undefined },
  ): Observable<bigint> {
    const writes = (dataVersion + 1) % 8;
    return this.#request(
      'take over',
      path,
      undefined,
      (done) => {
        const data = Buffer.from(options.data ?? []);
        // The content goes with the last step only, however many there are.
        const dataAt = (step: number): Buffer => (step === writes ? data : Buffer.alloc(0));
        const transaction = this.#client.transaction() as Transaction & { ops: { version?: number }[] };
        transaction.remove(path, dataVersion);
        // It takes version 0 for "any version".
        transaction.ops[0]!.version = dataVersion;
        transaction.create(path, dataAt(0), [...this.#acl], modeOf({ ephemeral: options.ephemeral }));
        for (let write = 1; write <= writes; write += 1) transaction.setData(path, dataAt(write), -1);
        transaction.commit((error) => done(error, () => this.#internals.zxid.readBigInt64BE()));
      },
      options.data?.length,
    );
  }

  /**
   * Watches nodes that were there when `zxid` was the last transaction; one that went or was written to since fires at once.
   *
   * It is what clients send after a reconnect, and costs one request for however many nodes there are.
   */
  watchUnchanged(watches: readonly NodeWatch[], zxid: bigint): Observable<void> {
    return this.#request('watch', `${watches.length} nodes`, undefined, (done) => {
      for (const { path, fired } of watches) this.#remember(`node:${path}`, fired);
      // Whoever is told of a tree is told of its root, too, and not twice: see `#request`.
      const paths = watches.map(({ path }) => path).filter((path) => !this.#trees.has(path));
      this.#internals.queue(rawRequest(OPCODE.SET_WATCHES, OPCODE.DELETE, zxidAndPaths(zxid, paths)), (error) => {
        if (error) for (const { path, fired } of watches) this.#forget(`node:${path}`, fired);
        done(error, () => undefined);
      });
    });
  }

  /** Releases a watch here, and on the server when nobody else here has it. */
  removeWatch(kind: WatchKind, path: string, watch: () => void): void {
    if (!this.#forget(`${kind}:${path}`, watch) || this.#over || this.#trees.has(path)) return;
    this.#releaseOnServer(path, kind === 'children' ? WATCHER_TYPE.CHILDREN : WATCHER_TYPE.DATA);
  }

  /**
   * Watches a node and all below it; emits once, from when on whatever happens is told to `listener`.
   *
   * Errors with `UNSUPPORTED` on a server before 3.6. It is not told of the end of the connection: see {@link ended}.
   */
  watchTree(path: string, listener: (event: NodeEvent) => void): Observable<void> {
    return this.#trees.watch(path, listener);
  }

  /** Errors when the connection is over: whoever waits for a watch to fire would wait for ever. */
  get ended(): Observable<never> {
    return this.#ended;
  }

  /** Ends the session; completes when the server has acknowledged it. The transport closes with its unsubscription. */
  end(): Observable<never> {
    return new Observable((subscriber) => {
      this.#ending = true;
      subscriber.add(() => {
        this.#ending = false;
        this.drop();
      });
      if (this.#over) return subscriber.complete();
      subscriber.add(this.#ended.subscribe({ error: () => subscriber.complete() }));
      // In CLOSING the client fails calls on the spot: those that wait would start one inside another.
      this.#waiting.clear();
      this.#internals.setState(STATE.CLOSING);
      this.#internals.queue(rawRequest(OPCODE.CLOSE_SESSION, OPCODE.CLOSE_SESSION, Buffer.alloc(0)), () =>
        this.#deliver(() => subscriber.complete()),
      );
    });
  }

  /** Drops the transport and leaves the session to be resumed or to expire. */
  drop(): void {
    if (this.#ending) return;
    this.#finish(new RegistryError('CONNECTION_LOST', 'The connection was dropped.'));
    const { socket, connectTimeoutHandler } = this.#internals;
    if (connectTimeoutHandler) clearTimeout(connectTimeoutHandler);
    if (socket) socket.destroy();
    // The client makes its socket one tick after it was told to connect.
    else process.nextTick(() => this.drop());
  }

  #onState(state: number, host: string, port: number, subscriber: Subscriber<ZkClient>): void {
    if (this.#over) return;
    switch (state) {
      case STATE.CONNECTED:
        this.#connected = true;
        this.#deliver(() => subscriber.next(this));
        break;
      case STATE.EXPIRED:
        this.#fail(subscriber, toRegistryError(ZK.SESSION_EXPIRED, 'session', '/'));
        break;
      case STATE.AUTH_FAILED:
        this.#fail(subscriber, toRegistryError(ZK.AUTH_FAILED, 'session', '/'));
        break;
      case STATE.DISCONNECTED: {
        // Not a word, and not an error either: that is how a server refuses.
        const refused = !this.#connected && !this.#lastError;
        const why = this.#lastError?.message ?? (refused ? 'the server closed it without an answer' : 'it was closed');
        const message = `No connection to ${host}:${port}: ${why}.`;
        const options = this.#lastError ? { cause: this.#lastError } : {};
        this.#fail(subscriber, new (refused ? RefusedError : RegistryError)('CONNECTION_LOST', message, options));
        break;
      }
    }
  }

  #fail(subscriber: Subscriber<ZkClient>, error: RegistryError): void {
    // Not inside the client's own call. The connection is told first: what it carried is then left, not tried again.
    queueMicrotask(() => subscriber.error(error));
    this.#finish(error);
  }

  /** Ends every call: the client never answers those that it has not written when the connection or session ends. */
  #finish(error: RegistryError): void {
    if (this.#over) return;
    this.#over = error;
    if (this.#internals.state !== STATE.CLOSING) this.#internals.setState(STATE.CLOSING);
    this.#watches.clear();
    this.#waiting.clear();
    const outstanding = [...this.#outstanding];
    this.#outstanding.clear();
    queueMicrotask(() => {
      for (const subscriber of outstanding) subscriber.error(error);
      this.#ended.error(error);
    });
  }

  #request<T>(
    operation: string,
    path: string,
    watch: readonly [WatchKind, () => void] | undefined,
    send: (done: (error: unknown, result: () => T) => void, arm: boolean) => void,
    dataLength = 0,
    urgent = false,
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      if (this.#over) return subscriber.error(this.#over);
      const size = Buffer.byteLength(path) + dataLength;
      if (size > LARGEST_REQUEST) {
        const message = `ZooKeeper ${operation}: path and data have ${size} bytes, at most ${LARGEST_REQUEST} are possible.`;
        return subscriber.error(new RegistryError('TOO_LARGE', message));
      }
      const start = (): void => {
        this.#underWay += 1;
        if (watch) this.#remember(`${watch[0]}:${path}`, watch[1]);
        try {
          send(
            (error, result) => {
              this.#underWay -= 1;
              // Read now, delivered later: what is read is true only while the answer is being read.
              const code =
                this.#unknownCode ?? (error ? ((error as { code?: number }).code ?? ZK.SYSTEM_ERROR) : ZK.OK);
              const value = code === ZK.OK ? result() : undefined;
              if (watch && code !== ZK.OK) this.#forget(`${watch[0]}:${path}`, watch[1]);
              this.#deliver(() => {
                this.#outstanding.delete(subscriber);
                if (code !== ZK.OK) return subscriber.error(toRegistryError(code, operation, path, error));
                subscriber.next(value as T);
                subscriber.complete();
              });
              this.#next();
              // Up to 3.8 a server takes a one-shot watch on the same node for the persistent one's end; that one tells us, too.
            },
            watch !== undefined && !this.#trees.has(path),
          );
        } catch (error) {
          this.#underWay -= 1;
          subscriber.error(toRegistryError(ZK.SYSTEM_ERROR, operation, path, error));
        }
      };
      this.#outstanding.add(subscriber);
      subscriber.add(() => {
        this.#outstanding.delete(subscriber);
        this.#waiting.delete(start);
      });
      if (urgent || this.#underWay < WINDOW) start();
      else this.#waiting.add(start);
      return undefined;
    });
  }

  #next(): void {
    const [start] = this.#waiting;
    if (!start || this.#underWay >= WINDOW) return;
    this.#waiting.delete(start);
    start();
  }

  #read(chunk: Buffer, readPacket: (packet: Buffer) => void): void {
    try {
      for (const packet of this.#framer.push(chunk)) {
        this.#unknownCode = undefined;
        if (
          this.#internals.state !== STATE.CONNECTING &&
          packet.length >= OFFSET.HEADER &&
          packet.readInt32BE(OFFSET.XID) >= 0
        ) {
          const zxid = packet.readBigInt64BE(OFFSET.ZXID);
          // An answer without a transaction carries 0.
          if (zxid > this.#seenZxid) this.#seenZxid = zxid;
          const code = packet.readInt32BE(OFFSET.ERROR);
          if (!CODES_OF_CLIENT.has(code)) {
            this.#unknownCode = code;
            packet.writeInt32BE(ZK.SYSTEM_ERROR, OFFSET.ERROR);
          }
        }
        this.#answer = packet;
        readPacket(packet);
      }
    } catch (error) {
      // One packet that cannot be read costs the connection, not the process.
      this.#lastError = error instanceof Error ? error : new Error(String(error));
      this.#internals.socket?.destroy();
    } finally {
      this.#unknownCode = undefined;
      this.#answer = undefined;
    }
  }

  #addTree(path: string): Observable<unknown> {
    return this.#request<void>('watch', path, undefined, (done) =>
      this.#internals.queue(
        rawRequest(OPCODE.ADD_WATCH, OPCODE.DELETE, pathAndNumber(path, PERSISTENT_RECURSIVE)),
        (error) => done(error, () => undefined),
      ),
    );
  }

  #removeTree(path: string): void {
    if (this.#over) return;
    this.#releaseOnServer(path, WATCHER_TYPE.ANY);
    // Gone with it: whoever has one here reads again, and sets it again.
    this.#fire(`node:${path}`);
    this.#fire(`children:${path}`);
  }

  #releaseOnServer(path: string, type: number): void {
    // Whether it had fired by then is of no interest.
    this.#internals.queue(rawRequest(OPCODE.REMOVE_WATCHES, OPCODE.DELETE, pathAndNumber(path, type)), () => undefined);
  }

  #notify({ type, path }: { type: number; path: string }): void {
    const event = EVENTS[type];
    if (event) this.#deliver(() => this.#trees.tell({ type: event, path }));
    // 1 created, 2 deleted, 3 data changed, 4 children changed; each fires its watch once.
    if (type === 4 || type === 2) this.#fire(`children:${path}`);
    if (type >= 1 && type <= 3) this.#fire(`node:${path}`);
  }

  #fire(key: string): void {
    const watches = this.#watches.get(key);
    this.#watches.delete(key);
    for (const watch of watches ?? []) this.#deliver(watch);
  }

  #remember(key: string, watch: () => void): void {
    this.#watches.set(key, (this.#watches.get(key) ?? new Set()).add(watch));
  }

  /** Forgets a watch; whether it was the last one of its kind and path. */
  #forget(key: string, watch: () => void): boolean {
    const watches = this.#watches.get(key);
    if (!watches?.delete(watch) || watches.size > 0) return false;
    return this.#watches.delete(key);
  }

  /** Hands something out after the client is done: what its callbacks throw, or call, would reach into its loops. */
  #deliver(delivery: () => void): void {
    this.#deliveries.push(delivery);
    if (this.#deliveries.length > 1) return;
    queueMicrotask(() => {
      const deliveries = this.#deliveries;
      this.#deliveries = [];
      for (const each of deliveries) each();
    });
  }
}

function rawRequest(opcode: number, readAs: number, body: Buffer): RawRequest {
  const header = { type: readAs, xid: 0 };
  return {
    header,
    payload: null,
    // The xid is given at sending time.
    toBuffer: () => {
      const packet = Buffer.alloc(12 + body.length);
      packet.writeInt32BE(8 + body.length, 0);
      packet.writeInt32BE(header.xid, 4);
      packet.writeInt32BE(opcode, 8);
      body.copy(packet, 12);
      return packet;
    },
  };
}

function pathAndNumber(path: string, number: number): Buffer {
  const encoded = Buffer.from(path);
  const body = Buffer.alloc(encoded.length + 8);
  body.writeInt32BE(encoded.length, 0);
  encoded.copy(body, 4);
  body.writeInt32BE(number, encoded.length + 4);
  return body;
}

/** What `SetWatches` carries: since when, and the nodes by kind of watch, of which there is one here. */
function zxidAndPaths(zxid: bigint, paths: readonly string[]): Buffer {
  const body = Buffer.alloc(20 + paths.reduce((sum, path) => sum + 4 + Buffer.byteLength(path), 0));
  let end = body.writeBigInt64BE(zxid, 0);
  end = body.writeInt32BE(paths.length, end);
  for (const path of paths) {
    const length = body.write(path, end + 4);
    body.writeInt32BE(length, end);
    end += 4 + length;
  }
  return body;
}

/** A list of strings as the server writes it: their number, then each with its length. */
function stringsIn(body: Buffer): string[] {
  const strings: string[] = [];
  let offset = 4;
  for (let left = body.readInt32BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(offset);
    strings.push(body.toString('utf8', offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return strings;
}

function modeOf(options: { ephemeral?: boolean | undefined; sequential?: boolean | undefined }): number {
  if (options.ephemeral) return options.sequential ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.EPHEMERAL;
  return options.sequential ? CreateMode.PERSISTENT_SEQUENTIAL : CreateMode.PERSISTENT;
}

function toStat(stat: Stat): NodeStat {
  const { ephemeralOwner, czxid, mzxid, version } = stat as unknown as {
    ephemeralOwner: Buffer;
    czxid: Buffer;
    mzxid: Buffer;
    version: number;
  };
  const owner = ephemeralOwner.readBigUInt64BE();
  return {
    owner: owner === 0n ? undefined : sessionName(ephemeralOwner),
    zxid: mzxid.readBigInt64BE(),
    madeBy: czxid.readBigInt64BE(),
    dataVersion: version,
  };
}

/** A session id as ZooKeeper's own tools print it. */
export function sessionName(id: Buffer): string {
  return `0x${id.toString('hex').replace(/^0+(?=.)/, '')}`;
}

function internalsOf(client: Client): Internals {
  const internals = (client as unknown as { connectionManager?: Partial<Internals> }).connectionManager;
  const functions = [
    'connect',
    'queue',
    'setState',
    'getSessionId',
    'getSessionPassword',
    'getSessionTimeout',
    'onSocketData',
    'onSocketError',
    'registerDataWatcher',
    'registerChildWatcher',
    'registerExistenceWatcher',
    'on',
  ] as const;
  const missing = functions.filter((name) => typeof internals?.[name] !== 'function');
  if (!internals?.watcherManager || !internals.packetQueue || !Buffer.isBuffer(internals.zxid)) missing.push('on');
  if (missing.length > 0) {
    throw new RegistryError(
      'UNSUPPORTED',
      `This node-zookeeper-client is not version 1.1.3 or behaves like it: it lacks ${missing.join(', ')}.`,
    );
  }
  return internals as Internals;
}
