import { catchError, concatMap, defer, finalize, map, merge, type Observable, of, share, throwError } from 'rxjs';
import { type ErrorCode, RegistryError } from '../../errors.js';
import type { Batcher } from '../../internal/batcher.js';
import { debugLog } from '../../internal/debug.js';
import { INSPECT, type Inspect, inspected } from '../../internal/legible.js';
import { hasCode, orElse, retryAfter } from '../../internal/orElse.js';
import { quoted } from '../../internal/quoted.js';
import { checkMove, checkPath, childOf, nameOf, parentOf } from '../../internal/path.js';
import {
  type CreateOptions,
  type DirectoryChange,
  type DirectoryEvent,
  type DirectorySetChange,
  inArrivalOrder,
  NodeExistsError,
  type NodeCondition,
  type NodeOperations,
  type RegistryNode,
  type Session,
  watchEachDirectory,
} from '../../port/index.js';
import { bulkCreate, bulkReplace, FoundError, type Made, type Wanted } from './bulkCreate.js';
import { bulkWatch, type WantedWatch } from './bulkWatch.js';
import { type NodeStat, type NodeToReplace, sessionName, type ZkClient } from './client.js';
import { directoryByName, directoryByReading } from './directoryWatch.js';
import { watchAbsent, watched } from './oneShotWatch.js';
import type { PersistentWatches } from './persistentWatchSupport.js';
import { UnfinishedWatches } from './unfinishedWatches.js';

const log = debugLog('zookeeper');

/** What a server asks of whoever resumes a session. */
export interface SessionCredentials {
  readonly id: Buffer;
  readonly password: Buffer;
}

/** A session with ZooKeeper; it outlives its connections. */
export class ZooKeeperSession implements Session {
  readonly id: string;
  readonly timeoutMs: number;
  readonly nodes: NodeOperations = inArrivalOrder(this);
  /** What resumes it: private, as whoever sees the password can take the session. */
  readonly #credentials: SessionCredentials;
  readonly #chroot: string;
  #client: ZkClient | undefined;
  /** What is known of its server; `undefined` where nothing is to be asked of it. */
  #persistent: PersistentWatches | undefined;
  #bulk: Batcher<Wanted, Made> | undefined;
  #replacements: Batcher<NodeToReplace, bigint> | undefined;
  #watches: Batcher<WantedWatch, void> | undefined;
  /** What was found in this turn of the event loop in the place of nodes that were to be made: a take-over need not ask again. */
  readonly #found = new Map<RegistryNode, NodeStat>();
  /** Of the present connection. */
  #unfinished: UnfinishedWatches<DirectoryChange>;
  readonly #making = new Map<string, Observable<void>>();

  constructor(client: ZkClient, chroot: string) {
    this.#credentials = { id: client.sessionId, password: client.sessionPassword };
    this.id = sessionName(client.sessionId);
    this.timeoutMs = client.sessionTimeoutMs;
    this.#unfinished = new UnfinishedWatches(this.timeoutMs / 2);
    this.#chroot = chroot;
  }

  /** What resumes a session. */
  static credentialsOf(session: ZooKeeperSession): SessionCredentials {
    return session.#credentials;
  }

  /** What logs may know. */
  toJSON(): { id: string; timeoutMs: number } {
    return { id: this.id, timeoutMs: this.timeoutMs };
  }

  toString(): string {
    return `Session ${this.id}`;
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return inspected('Session', this.toJSON(), options, inspect);
  }

  /** Carries the session on over another connection, or over none. */
  attach(client: ZkClient | undefined, persistent?: PersistentWatches): void {
    this.#client = client;
    this.#persistent = persistent;
    this.#bulk = client && bulkCreate(client);
    this.#replacements = client && bulkReplace(client);
    this.#watches = client && bulkWatch(client);
    this.#found.clear();
    this.#unfinished = new UnfinishedWatches(this.timeoutMs / 2);
    this.#making.clear();
  }

  /** Our own clock has given the session up, and the connection goes on. */
  outlive(): void {
    this.#unfinished.keep();
  }

  owned(): Observable<readonly string[]> {
    return this.#at('/', (client) => {
      // Servers before 3.6 know neither persistent watches nor this request, and close the connection for either.
      if (!this.#persistent?.areSupported)
        throw new RegistryError('UNSUPPORTED', 'This server cannot list the nodes of a session.');
      return client
        .ephemerals(`${this.#chroot}/`)
        .pipe(map((paths) => paths.map((path) => path.slice(this.#chroot.length))));
    });
  }

  sync(): Observable<void> {
    return this.#at('/', (client) => client.sync());
  }

  makeDirectory(path: string): Observable<void> {
    return this.#at(path, (client, full) => this.#make(client, full));
  }

  create(path: string, options: CreateOptions = {}): Observable<RegistryNode> {
    // What the number of a sequential node is only the server knows, so those are made one by one.
    const isBulk = !options.sequential;
    const create = (client: ZkClient, full: string): Observable<RegistryNode> =>
      retryAfter('NO_NODE', isBulk ? this.#bulk!.ask({ path: full, options }) : client.create(full, options), () =>
        this.#make(client, parentOf(full)),
      ).pipe(
        map((made) => this.#made(childOf(parentOf(path), nameOf(made.path)), made.zxid, options)),
        catchError((error: unknown) =>
          throwError(() => (error instanceof FoundError ? this.#exists(path, error) : error)),
        ),
      );
    return this.#at(path, create, isBulk);
  }

  takeOver(node: RegistryNode, options: CreateOptions = {}): Observable<RegistryNode> {
    return defer(() => {
      const found = this.#found.get(node);
      const takeOver = (client: ZkClient, full: string): Observable<RegistryNode> =>
        (found ? of(found) : client.exists(full)).pipe(
          map((stat) => check(node.path, stat, { version: node.version })),
          concatMap(({ dataVersion }) => this.#replacements!.ask({ path: full, dataVersion, ...options })),
          catchError((error: unknown) => throwError(() => (hasCode(error, 'NO_NODE') ? gone(node.path) : error))),
          map((zxid) => this.#made(node.path, zxid, options)),
        );
      return this.#at(node.path, takeOver, found !== undefined);
    });
  }

  move(node: RegistryNode, path: string, options: CreateOptions = {}): Observable<RegistryNode> {
    return this.#at(path, (client, full) => {
      checkMove(node.path, path);
      const from = childOf(parentOf(full), nameOf(node.path));
      return client.exists(from).pipe(
        map((stat) => check(node.path, stat, { version: node.version })),
        concatMap(({ dataVersion }) => client.move(from, dataVersion, full, options)),
        catchError((error: unknown) => throwError(() => (hasCode(error, 'NO_NODE') ? gone(node.path) : error))),
        map((zxid) => this.#made(path, zxid, options)),
      );
    });
  }

  read(path: string): Observable<RegistryNode | undefined> {
    return this.#at(path, (client, full) =>
      unless('NO_NODE', client.getData(full).pipe(map(({ data, stat }) => toNode(path, data, stat))), undefined),
    );
  }

  list(path: string): Observable<readonly string[]> {
    return this.#at(path, (client, full) => unless('NO_NODE', client.getChildren(full), []));
  }

  write(path: string, data: Uint8Array, condition: NodeCondition = {}): Observable<RegistryNode> {
    return this.#at(path, (client, full) => {
      const write = (dataVersion: number): Observable<NodeStat> => client.setData(full, data, dataVersion);
      if (isEmpty(condition)) return write(-1).pipe(map((stat) => toNode(path, data, stat)));
      return client.exists(full).pipe(
        map((stat) => check(path, stat, condition)),
        concatMap((seen) =>
          write(seen.dataVersion).pipe(
            map((stat) => {
              // The server compares nothing but the count of writes, and a node that was made anew may have the same.
              if (stat.madeBy !== seen.madeBy) throw madeAnew(path);
              return toNode(path, data, stat);
            }),
          ),
        ),
      );
    });
  }

  remove(path: string, condition: NodeCondition = {}): Observable<boolean> {
    return this.#at(path, (client, full) => {
      const remove = (dataVersion: number): Observable<boolean> =>
        unless('NO_NODE', client.remove(full, dataVersion).pipe(map(() => true)), false);
      if (isEmpty(condition)) return remove(-1);
      return client
        .exists(full)
        .pipe(concatMap((stat) => (stat ? remove(check(path, stat, condition).dataVersion) : of(false))));
    });
  }

  watchNode(path: string, known?: RegistryNode): Observable<RegistryNode | undefined> {
    const watch = (client: ZkClient, full: string): Observable<RegistryNode | undefined> => {
      let trusted = known;
      return watched(client, full, (fired) => {
        const node = trusted;
        trusted = undefined;
        if (node) return this.#watchUnchanged(full, node.version, fired('node')).pipe(map(() => node));
        return orElse(
          'NO_NODE',
          client.getData(full, fired('node')).pipe(map(({ data, stat }) => toNode(path, data, stat))),
          () => watchAbsent(client, full, fired('node')),
        );
      });
    };
    return this.#at(path, watch, known !== undefined);
  }

  #watchUnchanged(path: string, zxid: bigint, fired: () => void): Observable<void> {
    return defer(() => {
      let left = false;
      return this.#watches!.ask({ path, zxid, fired, left: () => left }).pipe(finalize(() => (left = true)));
    });
  }

  watchDirectory(path: string): Observable<DirectoryChange> {
    return this.#at(path, (client, full) => merge(client.ended, this.#unfinishedWatch(client, full)));
  }

  watchDirectories(changes: Observable<DirectorySetChange>): Observable<DirectoryEvent> {
    return this.#at('/', (client) =>
      merge(
        client.ended,
        watchEachDirectory(changes, (path) => this.#at(path, (present, full) => this.#unfinishedWatch(present, full))),
      ),
    );
  }

  #unfinishedWatch(client: ZkClient, full: string): Observable<DirectoryChange> {
    return this.#unfinished.watch(full, this.#watchDirectory(client, full));
  }

  #watchDirectory(client: ZkClient, full: string): Observable<DirectoryChange> {
    return defer(() => {
      const byReading = defer(() => directoryByReading(client, full));
      const persistent = this.#persistent;
      log('watches %s %s', quoted(full), persistent?.areSupported ? 'by name' : 'by reading');
      if (!persistent?.areSupported) return byReading;
      return orElse('UNSUPPORTED', directoryByName(client, full), () => {
        persistent.refused();
        return byReading;
      });
    });
  }

  #at<T>(path: string, work: (client: ZkClient, full: string) => Observable<T>, isBulk = false): Observable<T> {
    return defer(() => {
      checkPath(path);
      const client = this.#client;
      if (!isBulk) {
        this.#bulk?.flush();
        this.#replacements?.flush();
      }
      if (!client) throw new RegistryError('CONNECTION_LOST', 'The session has no connection at the moment.');
      return work(client, this.#chroot + (path === '/' && this.#chroot !== '' ? '' : path));
    });
  }

  #make(client: ZkClient, path: string): Observable<void> {
    if (path === '/') return of(undefined);
    const making = this.#making.get(path);
    if (making) return making;
    // Ten thousand registrations of a new service need its directory once.
    const make: Observable<void> = defer(() =>
      unless(
        'NODE_EXISTS',
        retryAfter('NO_NODE', client.create(path, {}), () => this.#make(client, parentOf(path))).pipe(
          map(() => undefined),
        ),
        undefined,
      ),
    ).pipe(
      finalize(() => {
        if (this.#making.get(path) === make) this.#making.delete(path);
      }),
      share(),
    );
    this.#making.set(path, make);
    return make;
  }

  /** What was found is good for a take-over at once, as if it had asked what it replaces itself. */
  #exists(path: string, { message, stat }: FoundError): NodeExistsError {
    const node: RegistryNode = { path, data: NO_DATA, owner: stat.owner, version: stat.zxid };
    if (this.#found.size === 0) queueMicrotask(() => this.#found.clear());
    this.#found.set(node, stat);
    return new NodeExistsError(message, node);
  }

  #made(path: string, version: bigint, options: CreateOptions): RegistryNode {
    return { path, data: options.data ?? NO_DATA, owner: options.ephemeral ? this.id : undefined, version };
  }
}

const NO_DATA = new Uint8Array();

function unless<T, U>(code: ErrorCode, source: Observable<T>, value: U): Observable<T | U> {
  return orElse(code, source, () => of(value));
}

function toNode(path: string, data: Uint8Array, stat: NodeStat): RegistryNode {
  return { path, data, owner: stat.owner, version: stat.zxid };
}

function isEmpty({ version, owner }: NodeCondition): boolean {
  return version === undefined && owner === undefined;
}

function check(path: string, stat: NodeStat | undefined, { version, owner }: NodeCondition): NodeStat {
  if (!stat) throw new RegistryError('NO_NODE', `There is no node ${quoted(path)}.`);
  if (version !== undefined && stat.zxid !== version) {
    throw new RegistryError('CONFLICT', `${quoted(path)} has version ${stat.zxid}, not ${version}.`);
  }
  if (owner !== undefined && stat.owner !== owner) {
    throw new RegistryError('CONFLICT', `${quoted(path)} belongs to ${stat.owner ?? 'nobody'}, not to ${owner}.`);
  }
  return stat;
}

function madeAnew(path: string): RegistryError {
  const what = `${quoted(path)} was removed and made anew while it was written to: what was written is in the new one.`;
  return new RegistryError('CONFLICT', what);
}

function gone(path: string): RegistryError {
  return new RegistryError('CONFLICT', `${quoted(path)} is gone.`);
}
