import {
  asyncScheduler,
  type Observable,
  ReplaySubject,
  type SchedulerLike,
  Subject,
  Subscription,
  type TimestampProvider,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import { clockOf } from '../../internal/clock.js';
import { milliseconds, optionsObject } from '../../internal/options.js';
import { FailureSignal } from '../../internal/failureSignal.js';
import { checkPath } from '../../internal/path.js';
import type { Backend, DirectoryChange, NodeState, RegistryNode } from '../../port/index.js';
import { MemoryTree, type TreeChanges, type TreeCopy } from './memoryTree.js';

/** How a {@link MemoryServer} behaves. */
export interface MemoryServerOptions {
  /** Measures all time, of the server and of its clients. @defaultValue `asyncScheduler` with a monotonic clock */
  readonly scheduler?: SchedulerLike | undefined;
  /** How long a message is on its way, in milliseconds. @defaultValue 0 */
  readonly latencyMs?: number | undefined;
  /** Whether sessions of which nothing is heard end; if not, they end only by {@link MemoryServer.expire}. @defaultValue `true` */
  readonly expires?: boolean | undefined;
}

/** Nodes that {@link MemoryServer.change} makes and removes. */
export interface MemoryServerChange {
  /** The paths of persistent nodes to make. @defaultValue none */
  readonly create?: Iterable<string> | undefined;
  /** The paths of nodes to remove, with all that is below them. @defaultValue none */
  readonly remove?: Iterable<string> | undefined;
}

/** Which messages are lost: all of them, only those to the server, or only those from it. */
export type MemoryDirection = 'both' | 'requests' | 'answers';

/** What a {@link MemoryServer} had at one time; made by {@link MemoryServer.backup}, read by {@link MemoryServer.restore}. */
export interface MemoryBackup {
  /** @internal */
  readonly tree: TreeCopy;
  /** @internal */
  readonly sessions: readonly { readonly id: string; readonly timeoutMs: number }[];
}

/** Something that happened at a {@link MemoryServer}. @internal */
export type MemoryServerEvent =
  | { readonly type: 'changed'; readonly by: MemoryActor; readonly changes: TreeChanges }
  | { readonly type: 'attempt' | 'broke' | 'answerLost' | 'notificationLost'; readonly client: MemoryClient }
  | { readonly type: 'began'; readonly client: MemoryClient; readonly session: string }
  | {
      readonly type: 'ended';
      readonly client: MemoryClient;
      readonly session: string;
      readonly by: MemoryActor;
      /** What it still had. */
      readonly nodes: number;
      readonly watches: number;
    };

/** Who does something at a server: a client, its own clean-up after sessions, or whoever calls its methods. @internal */
export type MemoryActor = MemoryClient | 'expiry' | 'operator';

/** A client program, as the server tells one from another: what can be cut off. */
export type MemoryClient = object;

interface ServerSession {
  readonly id: string;
  readonly timeoutMs: number;
  readonly client: MemoryClient;
  /** Whether its client may carry it on: not one that a backup brought back, whose client has seen more than the server has. */
  readonly resumable: boolean;
  link: MemoryLink | undefined;
  heardAt: number;
  expiry: Subscription;
}

interface Watcher {
  readonly link: MemoryLink;
  readonly deliver: (changes: TreeChanges) => void;
  /** Tells all there is, where that can be asked for. */
  readonly relist?: () => void;
}

/** One transport connection to a {@link MemoryServer}. */
export interface MemoryLink {
  readonly client: MemoryClient;
  readonly sessionId: string;
  /** The watches that it set, which go with it. */
  readonly watches: Set<Subscription>;
  /** Errors when the connection breaks. */
  readonly broken: FailureSignal;
  /** Emits when the request is answered that a client sends along with the handshake. */
  readonly served: ReplaySubject<void>;
  alive: boolean;
  /** Each way on which a message was swallowed: TCP would have to deliver it first, so nothing else can pass there any more. */
  readonly holed: Set<Way>;
  /** When the last message to the client arrives, on each lane: none overtakes another there. */
  readonly arrivesAt: Record<Lane, number>;
}

/**
 * What carries messages to a client in order. Watches of nodes have a lane of their own, as on etcd, and what is sent on one lane
 * can overtake what is sent on the other.
 *
 * @internal
 */
export type Lane = 'answers' | 'nodeWatches';

type Way = 'requests' | 'answers';

let servers = 0;

/**
 * A registry server inside this process: a tree of nodes, sessions that expire, watches, and handles for every fault.
 *
 * It is what the `memory` backend connects to. Clients reach it only by messages that take `latencyMs` on the given
 * scheduler, so that whole outages run in virtual time; its own methods act at once, as an operator at the server would.
 *
 * @example
 * ```ts
 * const server = new MemoryServer();
 * const registry = createRegistry(memory({ server }));
 * server.expire(server.sessions[0]!); // what the clients are told is up to them to find out
 * ```
 */
export class MemoryServer {
  /**
   * Tells it from the others of this process.
   *
   * @internal
   */
  readonly id = `#${++servers}`;
  readonly #tree = new MemoryTree();
  readonly #sessions = new Map<string, ServerSession>();
  readonly #nodeWatchers = new Map<string, Set<Watcher>>();
  readonly #directoryWatchers = new Map<string, Set<Watcher>>();
  readonly #links = new Set<MemoryLink>();
  readonly #cut = new Set<MemoryClient>();
  readonly #holed = new Map<MemoryClient, MemoryDirection>();
  readonly #slow = new Map<MemoryClient, number>();
  readonly #hungUpOn = new Set<MemoryClient>();
  readonly #events = new Subject<MemoryServerEvent>();
  readonly #latencyMs: number;
  readonly #expires: boolean;
  readonly #clock: TimestampProvider;
  #allCut = false;
  #allHoled: MemoryDirection | undefined;
  #allSlowMs = 0;
  #hangsUpOnAll = false;
  #frozen: (() => void)[] | undefined;
  #stopped = false;
  #cleanupDelayMs = 0;
  #jitter: (() => number) | undefined;
  #answersToLose = 0;
  #notificationsToLose = 0;
  #notificationsToRepeat = 0;
  #compacting = false;
  #created = 0;

  /** Measures all time, of the server and of its clients. */
  readonly scheduler: SchedulerLike;

  constructor(options: MemoryServerOptions = {}) {
    const { scheduler = asyncScheduler, latencyMs = 0, expires = true } = optionsObject(options);
    milliseconds('latencyMs', latencyMs);
    this.scheduler = scheduler;
    this.#clock = clockOf(scheduler);
    this.#latencyMs = latencyMs;
    this.#expires = expires;
  }

  // What an operator sees.

  /** The ids of the sessions that live, oldest first. */
  get sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  /** How many watches clients have set. */
  get watches(): number {
    return [...this.#nodeWatchers.values(), ...this.#directoryWatchers.values()].reduce(
      (sum, set) => sum + set.size,
      0,
    );
  }

  /** How many transport connections are open. */
  get connections(): number {
    return this.#links.size;
  }

  /** Every path of the tree, sorted. */
  get paths(): readonly string[] {
    return [...this.#tree.paths()].sort();
  }

  /** All that happens here, told at the server and at once. @internal */
  get events(): Observable<MemoryServerEvent> {
    return this.#events;
  }

  /** Reads a node; `undefined` if there is none. */
  read(path: string): RegistryNode | undefined {
    return this.#tree.read(path);
  }

  /** What a node is, and the transaction that was last. @internal */
  stateOf(path: string): NodeState {
    return { node: this.#tree.read(path), position: this.#tree.position };
  }

  /** Lists the children of a directory. */
  list(path: string): readonly string[] {
    return this.#tree.list(path);
  }

  // What an operator does.

  /** Makes a persistent node by hand. */
  create(path: string, data?: Uint8Array): void {
    checkPath(path);
    this.#commit('operator', () => this.#tree.create(path, undefined, data));
  }

  /** Writes a node by hand. */
  write(path: string, data: Uint8Array): void {
    this.#commit('operator', () => this.#tree.write(path, data));
  }

  /** Removes a node by hand, and all that is below it. */
  remove(path: string): void {
    this.#commit('operator', () => this.#tree.removeTree(path));
  }

  /**
   * Makes and removes nodes by hand, all in one transaction: watchers are told of it at once, or of nothing if it fails.
   *
   * @throws RegistryError with `NODE_EXISTS`.
   */
  change({ create = [], remove = [] }: MemoryServerChange): void {
    this.#commit('operator', () => {
      for (const path of remove) this.#tree.removeTree(path);
      for (const path of create) {
        checkPath(path);
        this.#tree.create(path, undefined);
      }
    });
  }

  /**
   * Ends a session as the server does when it hears nothing: its nodes go, its connection breaks.
   *
   * @param who - The session's id, or the backend whose session it is; nothing happens if there is no such session.
   */
  expire(who: string | Backend): void {
    const session =
      typeof who === 'string'
        ? this.#sessions.get(who)
        : [...this.#sessions.values()].find(({ client }) => client === who);
    if (!session) return;
    this.#expire(session, 'operator');
  }

  /**
   * Copies all that the server has, for {@link restore}.
   *
   * @returns The copy, which never changes.
   */
  backup(): MemoryBackup {
    return {
      tree: this.#tree.copy(),
      sessions: [...this.#sessions.values()].map(({ id, timeoutMs }) => ({ id, timeoutMs })),
    };
  }

  /**
   * Puts the server back to what it was, as after a disaster: what was written since is lost, and versions begin again where
   * they were.
   *
   * Connections break. Sessions of the backup, with their nodes, end when they were not heard of for their timeout; their
   * clients cannot resume them, unless `sessions` says so.
   *
   * @param backup - What it shall have. @defaultValue nothing, as with a wiped disk
   * @param sessions - `resumable` lets clients resume the sessions that they have and that the backup has too, as etcd does after
   * the restore of a snapshot. @defaultValue `orphaned`
   *
   * @example
   * ```ts
   * const backup = server.backup();
   * server.restore(backup); // everybody registers anew
   * ```
   */
  restore(backup?: MemoryBackup, sessions: 'orphaned' | 'resumable' = 'orphaned'): void {
    const before = new Map(this.#sessions);
    for (const link of [...this.#links]) this.#break(link, 'The server was restored');
    for (const session of this.#sessions.values()) {
      session.expiry.unsubscribe();
      this.#tellEnd(session, 'operator');
    }
    this.#sessions.clear();
    for (const { id, timeoutMs } of backup?.sessions ?? []) {
      const known = before.get(id);
      const resumable = sessions === 'resumable' && known?.resumable === true;
      this.#begin(id, resumable ? known.client : {}, timeoutMs, resumable);
    }
    this.#commit('operator', () => this.#tree.restore(backup?.tree));
  }

  // Faults.

  /**
   * Breaks the connection of one client, or of all, and refuses new ones until {@link heal}.
   *
   * @param who - The id of a session that the client has, or the backend that it is. @defaultValue all clients
   */
  cut(who?: string | Backend): void {
    this.#select(who, this.#cut, () => (this.#allCut = true));
    for (const link of this.#affected(who)) this.#break(link, 'The connection was reset');
  }

  /**
   * Swallows messages of one client, or of all, without a sign, until {@link heal}.
   *
   * Where only answers are lost, the server still hears the client and keeps its session.
   *
   * @param who - The id of a session that the client has, or the backend that it is. @defaultValue all clients
   * @param direction - Which messages. @defaultValue `both`
   */
  blackHole(who?: string | Backend, direction: MemoryDirection = 'both'): void {
    const client = this.#clientOf(who);
    if (who === undefined) this.#allHoled = direction;
    else if (client) this.#holed.set(client, direction);
  }

  /**
   * Makes every message to one client, or to all, take longer, until {@link heal}.
   *
   * @param ms - How much longer, in milliseconds.
   * @param who - The id of a session that the client has, or the backend that it is. @defaultValue all clients
   * @throws InvalidOptionError if `ms` is not a number of milliseconds.
   */
  slowDown(ms: number, who?: string | Backend): void {
    milliseconds('ms', ms);
    const client = this.#clientOf(who);
    if (who === undefined) this.#allSlowMs = ms;
    else if (client) this.#slow.set(client, ms);
  }

  /**
   * Accepts connections of one client, or of all, and closes each at the first request on it, until {@link heal}: what a
   * server does that asks for credentials which the client does not have.
   *
   * The request is not carried out. Sessions begin and are resumed, and live for their timeout.
   *
   * @param who - The id of a session that the client has, or the backend that it is. @defaultValue all clients
   */
  hangUp(who?: string | Backend): void {
    this.#select(who, this.#hungUpOn, () => (this.#hangsUpOnAll = true));
  }

  /**
   * Delays every answer and every notification of a watch by another time, so that answers and what watches of nodes tell overtake
   * each other, as on etcd, where each comes on a stream of its own.
   *
   * @param maxMs - The longest delay, in milliseconds; 0 for none.
   * @param random - Draws the delays, from 0 up to but not including 1. @defaultValue `Math.random`
   * @throws InvalidOptionError if `maxMs` is not a number from 0 up.
   */
  reorder(maxMs: number, random: () => number = Math.random): void {
    milliseconds('maxMs', maxMs);
    this.#jitter = maxMs === 0 ? undefined : () => Math.floor(random() * (maxMs + 1));
  }

  /**
   * Ends every {@link cut}, {@link blackHole}, {@link slowDown} and {@link hangUp}; connections that lost a message
   * meanwhile break.
   *
   * @param who - Ends only those that were meant for this backend. @defaultValue all of them
   */
  heal(who?: Backend): void {
    if (who) {
      this.#cut.delete(who);
      this.#holed.delete(who);
      this.#slow.delete(who);
      this.#hungUpOn.delete(who);
    } else {
      this.#allCut = false;
      this.#allHoled = undefined;
      this.#allSlowMs = 0;
      this.#cut.clear();
      this.#holed.clear();
      this.#slow.clear();
      this.#hangsUpOnAll = false;
      this.#hungUpOn.clear();
    }
    for (const link of [...this.#links]) {
      if (link.holed.size > 0 && (!who || link.client === who)) this.#break(link, 'The connection was reset');
    }
  }

  /**
   * Forgets what happened before now: whoever watches a directory is told all there is, in a new snapshot.
   *
   * @param meanwhile - What is done in here falls into the gap: directories tell it in the snapshot only.
   *
   * @example
   * ```ts
   * server.compact(() => server.remove('/dubbo/com.acme.Users/providers')); // nobody is told that anything was removed
   * ```
   */
  compact(meanwhile?: () => void): void {
    this.#compacting = true;
    try {
      meanwhile?.();
    } finally {
      this.#compacting = false;
    }
    for (const watchers of this.#directoryWatchers.values()) {
      for (const { link, relist } of watchers) if (link.alive) relist?.();
    }
  }

  /** Stops answering, keeps connections open, and lets messages pile up until {@link thaw}. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = [];
    for (const session of this.#sessions.values()) session.expiry.unsubscribe();
  }

  /** Works off what piled up since {@link freeze}; sessions of which nothing was heard in time expire. */
  thaw(): void {
    const piled = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const work of piled) work();
    for (const session of [...this.#sessions.values()]) this.#armExpiry(session);
  }

  /** Kills the server: connections break, nothing answers, the sessions' clocks stand still until {@link start}. */
  stop(): void {
    this.#stopped = true;
    this.cut();
    for (const session of this.#sessions.values()) session.expiry.unsubscribe();
  }

  /** Starts a stopped server with the data it had; every session gets its whole timeout anew. */
  start(): void {
    this.#stopped = false;
    this.heal();
    for (const session of this.#sessions.values()) {
      session.heardAt = this.#clock.now();
      this.#armExpiry(session);
    }
  }

  /** Carries the next `count` requests out and breaks the connection instead of answering. */
  loseAnswers(count = 1): void {
    this.#answersToLose += count;
  }

  /**
   * Breaks the connection instead of delivering the next `count` notifications of watches.
   *
   * No notification is ever lost alone, which no backend may let happen: where a client library drops some, its backend tells
   * a new snapshot, as {@link compact} makes the server do.
   */
  loseNotifications(count = 1): void {
    this.#notificationsToLose += count;
  }

  /** Delivers the next `count` notifications of watches twice, one right after the other. */
  repeatNotifications(count = 1): void {
    this.#notificationsToRepeat += count;
  }

  /**
   * Lets the nodes of every session that expires from now on stay for a while, as under a leader that is busy or new.
   *
   * Who ends a session of his own takes its nodes along at once, as ever.
   *
   * @param ms - How long they stay, in milliseconds; 0 for not at all.
   * @throws InvalidOptionError if `ms` is not a number of milliseconds.
   */
  delayCleanup(ms: number): void {
    milliseconds('ms', ms);
    this.#cleanupDelayMs = ms;
  }

  // What clients send; each takes `latencyMs` there and back.

  /** Asks for a session: resumes `previous`, or makes a new one if that is `undefined`. @internal */
  open(
    client: MemoryClient,
    previous: string | undefined,
    timeoutMs: number,
    answer: (link: MemoryLink) => void,
    fail: (error: Error) => void,
  ): Subscription {
    const pending = new Subscription();
    const refused = (): boolean => this.#allCut || this.#cut.has(client);
    const lost = new RegistryError('CONNECTION_LOST', 'The connection was refused.');
    pending.add(
      this.#later(() => {
        this.#events.next({ type: 'attempt', client });
        if (refused()) return void pending.add(this.#later(() => fail(lost)));
        if (this.#swallows(client, 'requests')) return;
        this.#whenAwake(() => {
          if (pending.closed) return;
          if (refused()) return void pending.add(this.#later(() => fail(lost)));
          const session =
            previous === undefined
              ? this.#begin(`m${(this.#created += 1)}`, client, timeoutMs)
              : this.#sessions.get(previous);
          if (!session?.resumable) {
            const over = new RegistryError('SESSION_EXPIRED', `The server has no session ${previous} any more.`);
            return void pending.add(this.#later(() => !this.#swallows(client, 'answers') && fail(over)));
          }
          if (session.link) this.#break(session.link, 'The session moved to another connection');
          const link: MemoryLink = {
            client,
            sessionId: session.id,
            watches: new Set(),
            broken: new FailureSignal(),
            served: new ReplaySubject(1),
            alive: true,
            holed: new Set(),
            arrivesAt: { answers: 0, nodeWatches: 0 },
          };
          session.link = link;
          session.heardAt = this.#clock.now();
          this.#links.add(link);
          // Who gives up before the answer comes closes the connection, as with any server.
          const unanswered = new Subscription(() => this.drop(link));
          pending.add(unanswered);
          const breaking = link.broken.subscribe({ error: fail });
          pending.add(breaking);
          pending.add(
            this.#toClient(link, () => {
              pending.remove(unanswered);
              breaking.unsubscribe();
              answer(link);
            }),
          );
          this.#toClient(link, this.#hangsUpOn(link) ? () => this.#hangUpOn(link) : () => link.served.next());
        });
      }),
    );
    return pending;
  }

  /** Closes a connection from the client's side; the session lives on until it expires. @internal */
  drop(link: MemoryLink): void {
    if (link.alive) this.#break(link, 'The connection was dropped');
  }

  /** Ends the session of a connection as its client wishes. @internal */
  end(link: MemoryLink, answer: () => void): Subscription {
    return this.request(
      link,
      () => {
        const session = this.#sessions.get(link.sessionId);
        if (session) this.#forget(session, link.client);
      },
      { next: answer, error: answer },
    );
  }

  /** Carries a request of a client out. @internal */
  request<T>(
    link: MemoryLink,
    work: (tree: MemoryTree) => T,
    answer: { next: (result: T) => void; error: (error: unknown) => void },
    lane: Lane = 'answers',
  ): Subscription {
    const pending = new Subscription();
    pending.add(link.broken.subscribe({ error: answer.error }));
    if (!link.alive) return pending;
    this.#later(() =>
      this.#pass(link, 'requests', () =>
        this.#whenAwake(() => {
          const session = this.#sessions.get(link.sessionId);
          if (!link.alive || !session) return;
          if (this.#hangsUpOn(link)) return this.#hangUpOn(link);
          session.heardAt = this.#clock.now();
          let reply: () => void;
          try {
            const result = this.#commit(link.client, () => work(this.#tree));
            reply = () => answer.next(result);
          } catch (error) {
            reply = () => answer.error(error);
          }
          if (this.#answersToLose > 0) {
            this.#answersToLose -= 1;
            this.#events.next({ type: 'answerLost', client: link.client });
            return this.#break(link, 'The connection broke before the answer came');
          }
          this.#toClient(link, () => !pending.closed && reply(), lane);
        }),
      ),
    );
    return pending;
  }

  /** Watches one node from its next change on. @internal */
  watchNode(link: MemoryLink, path: string, deliver: (state: NodeState) => void): Subscription {
    return this.#watch(this.#nodeWatchers, path, {
      link,
      deliver: (changes) => {
        if (!changes.nodes.has(path)) return;
        const state = this.stateOf(path);
        this.#tell(link, () => deliver(state), 'nodeWatches');
      },
    });
  }

  /** Watches the children of a directory from its next change on. @internal */
  watchDirectory(link: MemoryLink, path: string, deliver: (change: DirectoryChange) => void): Subscription {
    const tell = (change: DirectoryChange): void => this.#tell(link, () => deliver(change));
    return this.#watch(this.#directoryWatchers, path, {
      link,
      deliver: (changes) => {
        const change = changes.directories.get(path);
        if (change && !this.#compacting) tell({ type: 'delta', ...change });
      },
      relist: () => tell({ type: 'snapshot', names: this.#tree.list(path) }),
    });
  }

  #watch(index: Map<string, Set<Watcher>>, path: string, watcher: Watcher): Subscription {
    const watchers = index.get(path) ?? new Set();
    index.set(path, watchers.add(watcher));
    const watch = new Subscription(() => {
      watcher.link.watches.delete(watch);
      watchers.delete(watcher);
      if (watchers.size === 0 && index.get(path) === watchers) index.delete(path);
    });
    watcher.link.watches.add(watch);
    return watch;
  }

  #commit<T>(by: MemoryActor, work: () => T): T {
    const { result, changes } = this.#tree.transact(work);
    if (changes.nodes.size > 0) this.#events.next({ type: 'changed', by, changes });
    for (const path of changes.nodes) this.#notify(this.#nodeWatchers.get(path), changes);
    for (const path of changes.directories.keys()) this.#notify(this.#directoryWatchers.get(path), changes);
    return result;
  }

  #notify(watchers: ReadonlySet<Watcher> | undefined, changes: TreeChanges): void {
    for (const watcher of watchers ?? []) if (watcher.link.alive) watcher.deliver(changes);
  }

  #begin(id: string, client: MemoryClient, timeoutMs: number, resumable = true): ServerSession {
    const session: ServerSession = {
      id,
      timeoutMs,
      client,
      resumable,
      link: undefined,
      heardAt: this.#clock.now(),
      expiry: Subscription.EMPTY,
    };
    this.#sessions.set(id, session);
    if (resumable) this.#events.next({ type: 'began', client, session: id });
    this.#armExpiry(session);
    return session;
  }

  #armExpiry(session: ServerSession): void {
    session.expiry.unsubscribe();
    // A server that stands still counts no time; when it goes on, all are armed anew.
    if (!this.#expires || this.#stopped || this.#frozen) return;
    // One sum for both: two that differ by rounding would have it wake again and again at one moment.
    const dueInMs = (): number => session.heardAt + session.timeoutMs - this.#clock.now();
    session.expiry = this.scheduler.schedule(
      () => {
        if (dueInMs() <= 0) this.#expire(session, 'expiry');
        else this.#armExpiry(session);
      },
      Math.max(0, dueInMs()),
    );
  }

  #expire(session: ServerSession, by: MemoryActor): void {
    this.#forget(session, by);
    if (session.link) this.#break(session.link, 'The server closed the connection');
  }

  #forget(session: ServerSession, by: MemoryActor): void {
    session.expiry.unsubscribe();
    this.#sessions.delete(session.id);
    this.#tellEnd(session, by);
    const delayMs = by === session.client ? 0 : this.#cleanupDelayMs;
    const cleanUp = (): void => {
      if (delayMs > 0 && (this.#stopped || this.#frozen)) this.scheduler.schedule(cleanUp, delayMs);
      else this.#commit(by === 'operator' ? 'expiry' : by, () => this.#tree.removeOwned(session.id));
    };
    if (delayMs > 0) this.scheduler.schedule(cleanUp, delayMs);
    else cleanUp();
  }

  #tellEnd({ id, client, link }: ServerSession, by: MemoryActor): void {
    if (!this.#events.observed) return;
    const watchers = [...this.#nodeWatchers.values(), ...this.#directoryWatchers.values()].flatMap((set) => [...set]);
    this.#events.next({
      type: 'ended',
      client,
      session: id,
      by,
      nodes: this.#tree.ownedBy(id).length,
      watches: watchers.filter((watcher) => watcher.link === link).length,
    });
  }

  #break(link: MemoryLink, why: string): void {
    this.#unlink(link);
    this.#events.next({ type: 'broke', client: link.client });
    // The client hears of it as of everything else: after a while, and never inside its own call.
    this.#later(() => link.broken.error(new RegistryError('CONNECTION_LOST', `${why}.`)));
  }

  #hangsUpOn({ client }: MemoryLink): boolean {
    return this.#hangsUpOnAll || this.#hungUpOn.has(client);
  }

  #hangUpOn(link: MemoryLink): void {
    if (link.alive) this.#break(link, 'The server closed the connection at a request');
  }

  #unlink(link: MemoryLink): void {
    link.alive = false;
    this.#links.delete(link);
    const session = this.#sessions.get(link.sessionId);
    if (session?.link === link) session.link = undefined;
    for (const watch of link.watches) watch.unsubscribe();
  }

  #affected(who: string | Backend | undefined): MemoryLink[] {
    const client = this.#clientOf(who);
    return [...this.#links].filter((link) => who === undefined || link.client === client);
  }

  #select(who: string | Backend | undefined, set: Set<MemoryClient>, all: () => void): void {
    const client = this.#clientOf(who);
    if (who === undefined) all();
    else if (client) set.add(client);
  }

  #clientOf(who: string | Backend | undefined): MemoryClient | undefined {
    return typeof who === 'string' ? this.#sessions.get(who)?.client : who;
  }

  /** Lets a message arrive, if nothing swallows it. */
  #pass(link: MemoryLink, way: Way, work: () => void): void {
    if (!link.alive) return;
    if (this.#swallows(link.client, way)) link.holed.add(way);
    else if (!link.holed.has(way)) work();
  }

  #swallows(client: MemoryClient, way: Way): boolean {
    return [this.#allHoled, this.#holed.get(client)].some((direction) => direction === 'both' || direction === way);
  }

  /** Sends a message to a client: none overtakes another on its lane, however slow they get or cease to be. */
  #toClient(link: MemoryLink, work: () => void, lane: Lane = 'answers'): Subscription {
    const now = this.#clock.now();
    const slowMs = Math.max(this.#allSlowMs, this.#slow.get(link.client) ?? 0);
    const at = Math.max(link.arrivesAt[lane], now + this.#latencyMs + slowMs + (this.#jitter?.() ?? 0));
    link.arrivesAt[lane] = at;
    return this.scheduler.schedule(() => this.#pass(link, 'answers', work), at - now);
  }

  #tell(link: MemoryLink, work: () => void, lane: Lane = 'answers'): void {
    if (this.#notificationsToLose > 0) {
      this.#notificationsToLose -= 1;
      this.#events.next({ type: 'notificationLost', client: link.client });
      return this.#break(link, 'The connection broke before the notification came');
    }
    this.#toClient(link, work, lane);
    if (this.#notificationsToRepeat === 0) return;
    this.#notificationsToRepeat -= 1;
    this.#toClient(link, work, lane);
  }

  #whenAwake(work: () => void): void {
    if (this.#frozen) this.#frozen.push(work);
    else work();
  }

  #later(work: () => void): Subscription {
    return this.scheduler.schedule(work, this.#latencyMs);
  }
}

const named = new Map<string, MemoryServer>();

/** The server of that name in this process, made at its first mention: what `memory://demo` speaks of. */
export function memoryServer(name: string): MemoryServer {
  const server = named.get(name) ?? new MemoryServer();
  named.set(name, server);
  return server;
}
