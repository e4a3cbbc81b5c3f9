import {
  asyncScheduler,
  type Observable,
  type SchedulerLike,
  Subject,
  Subscription,
  type TimestampProvider,
} from 'rxjs';
import { InvalidOptionError, RegistryError } from '../../errors.js';
import { clockOf } from '../../internal/clock.js';
import { checkPath } from '../../internal/path.js';
import type { Backend, DirectoryChange, RegistryNode } from '../../port/index.js';
import { MemoryTree, type TreeChanges } from './memoryTree.js';

/** How a {@link MemoryServer} behaves. */
export interface MemoryServerOptions {
  /** Measures all time, of the server and of its clients. @defaultValue `asyncScheduler` with a monotonic clock */
  readonly scheduler?: SchedulerLike;
  /** How long a message is on its way, in milliseconds. @defaultValue 0 */
  readonly latencyMs?: number;
  /** Whether sessions of which nothing is heard end; if not, they end only by {@link MemoryServer.expire}. @defaultValue `true` */
  readonly expires?: boolean;
}

/** Nodes that {@link MemoryServer.change} makes and removes. */
export interface MemoryServerChange {
  /** The paths of persistent nodes to make. @defaultValue none */
  readonly create?: Iterable<string>;
  /** The paths of nodes to remove, with all that is below them. @defaultValue none */
  readonly remove?: Iterable<string>;
}

/** A client program, as the server tells one from another: what can be cut off. */
export type MemoryClient = object;

interface ServerSession {
  readonly id: string;
  readonly timeoutMs: number;
  readonly client: MemoryClient;
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
  readonly watches: Subscription;
  /** Errors when the connection breaks. */
  readonly broken: Subject<never>;
  alive: boolean;
  /** Whether a message was swallowed: TCP would have to deliver it first, so nothing else can pass any more. */
  holed: boolean;
}

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
  readonly #tree = new MemoryTree();
  readonly #sessions = new Map<string, ServerSession>();
  readonly #nodeWatchers = new Map<string, Set<Watcher>>();
  readonly #directoryWatchers = new Map<string, Set<Watcher>>();
  readonly #links = new Set<MemoryLink>();
  readonly #cut = new Set<MemoryClient>();
  readonly #holed = new Set<MemoryClient>();
  readonly #changes = new Subject<TreeChanges>();
  readonly #latencyMs: number;
  readonly #expires: boolean;
  readonly #clock: TimestampProvider;
  #allCut = false;
  #allHoled = false;
  #frozen: (() => void)[] | undefined;
  #answersToLose = 0;
  #compacting = false;
  #created = 0;

  /** Measures all time, of the server and of its clients. */
  readonly scheduler: SchedulerLike;

  constructor(options: MemoryServerOptions = {}) {
    const { scheduler = asyncScheduler, latencyMs = 0, expires = true } = options;
    if (!(latencyMs >= 0)) throw new InvalidOptionError('latencyMs', 'a number from 0 up', latencyMs);
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

  /** What every transaction changed, told at the server and at once. @internal */
  get changes(): Observable<TreeChanges> {
    return this.#changes;
  }

  /** Reads a node; `undefined` if there is none. */
  read(path: string): RegistryNode | undefined {
    return this.#tree.read(path);
  }

  /** Lists the children of a directory. */
  list(path: string): readonly string[] {
    return this.#tree.list(path);
  }

  // What an operator does.

  /** Makes a persistent node by hand. */
  create(path: string, data?: Uint8Array): void {
    checkPath(path);
    this.#commit(() => this.#tree.create(path, undefined, data));
  }

  /** Writes a node by hand. */
  write(path: string, data: Uint8Array): void {
    this.#commit(() => this.#tree.write(path, data));
  }

  /** Removes a node by hand, and all that is below it. */
  remove(path: string): void {
    this.#commit(() => this.#tree.removeTree(path));
  }

  /**
   * Makes and removes nodes by hand, all in one transaction: watchers are told of it at once, or of nothing if it fails.
   *
   * @throws RegistryError with `NODE_EXISTS`.
   */
  change({ create = [], remove = [] }: MemoryServerChange): void {
    this.#commit(() => {
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
    this.#forget(session);
    if (session.link) this.#break(session.link, 'The server closed the connection');
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
   * Swallows every message of one client, or of all, without a sign, until {@link heal}.
   *
   * @param who - The id of a session that the client has, or the backend that it is. @defaultValue all clients
   */
  blackHole(who?: string | Backend): void {
    this.#select(who, this.#holed, () => (this.#allHoled = true));
  }

  /**
   * Ends every {@link cut} and {@link blackHole}; connections that lost a message meanwhile break.
   *
   * @param who - Ends only those that were meant for this backend. @defaultValue all of them
   */
  heal(who?: Backend): void {
    if (who) {
      this.#cut.delete(who);
      this.#holed.delete(who);
    } else {
      this.#allCut = this.#allHoled = false;
      this.#cut.clear();
      this.#holed.clear();
    }
    for (const link of [...this.#links]) {
      if (link.holed && (!who || link.client === who)) this.#break(link, 'The connection was reset');
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
    this.cut();
    for (const session of this.#sessions.values()) session.expiry.unsubscribe();
  }

  /** Starts a stopped server with the data it had; every session gets its whole timeout anew. */
  start(): void {
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
        if (refused()) return void pending.add(this.#later(() => fail(lost)));
        if (this.#allHoled || this.#holed.has(client)) return;
        this.#whenAwake(() => {
          if (pending.closed) return;
          const session = previous === undefined ? this.#begin(client, timeoutMs) : this.#sessions.get(previous);
          if (!session) {
            const over = new RegistryError('SESSION_EXPIRED', `The server has no session ${previous} any more.`);
            return void pending.add(this.#later(() => fail(over)));
          }
          if (session.link) this.#break(session.link, 'The session moved to another connection');
          const link: MemoryLink = {
            client,
            sessionId: session.id,
            watches: new Subscription(),
            broken: new Subject(),
            alive: true,
            holed: false,
          };
          session.link = link;
          session.heardAt = this.#clock.now();
          this.#links.add(link);
          // Who gives up before the answer comes closes the connection, as with any server.
          const unanswered = new Subscription(() => this.drop(link));
          pending.add(unanswered);
          pending.add(
            this.#later(() => {
              pending.remove(unanswered);
              if (refused()) fail(lost);
              else answer(link);
            }),
          );
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
        if (session) this.#forget(session);
      },
      { next: answer, error: answer },
    );
  }

  /** Carries a request of a client out. @internal */
  request<T>(
    link: MemoryLink,
    work: (tree: MemoryTree) => T,
    answer: { next: (result: T) => void; error: (error: unknown) => void },
  ): Subscription {
    const pending = new Subscription();
    pending.add(link.broken.subscribe({ error: answer.error }));
    if (!link.alive) return pending;
    this.#later(() =>
      this.#deliverable(link, () =>
        this.#whenAwake(() => {
          const session = this.#sessions.get(link.sessionId);
          if (!link.alive || !session) return;
          session.heardAt = this.#clock.now();
          let reply: () => void;
          try {
            const result = this.#commit(() => work(this.#tree));
            reply = () => answer.next(result);
          } catch (error) {
            reply = () => answer.error(error);
          }
          if (this.#answersToLose > 0) {
            this.#answersToLose -= 1;
            return this.#break(link, 'The connection broke before the answer came');
          }
          this.#later(() => this.#deliverable(link, () => !pending.closed && reply()));
        }),
      ),
    );
    return pending;
  }

  /** Watches one node from its next change on. @internal */
  watchNode(link: MemoryLink, path: string, deliver: (node: RegistryNode | undefined) => void): Subscription {
    return this.#watch(this.#nodeWatchers, path, {
      link,
      deliver: (changes) => {
        if (!changes.nodes.has(path)) return;
        const node = this.#tree.read(path);
        this.#later(() => this.#deliverable(link, () => deliver(node)));
      },
    });
  }

  /** Watches the children of a directory from its next change on. @internal */
  watchDirectory(link: MemoryLink, path: string, deliver: (change: DirectoryChange) => void): Subscription {
    const tell = (change: DirectoryChange): void =>
      void this.#later(() => this.#deliverable(link, () => deliver(change)));
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
      watchers.delete(watcher);
      if (watchers.size === 0 && index.get(path) === watchers) index.delete(path);
    });
    watcher.link.watches.add(watch);
    return watch;
  }

  #commit<T>(work: () => T): T {
    const { result, changes } = this.#tree.transact(work);
    for (const path of changes.nodes) this.#notify(this.#nodeWatchers.get(path), changes);
    for (const path of changes.directories.keys()) this.#notify(this.#directoryWatchers.get(path), changes);
    if (changes.nodes.size > 0) this.#changes.next(changes);
    return result;
  }

  #notify(watchers: ReadonlySet<Watcher> | undefined, changes: TreeChanges): void {
    for (const watcher of watchers ?? []) if (watcher.link.alive) watcher.deliver(changes);
  }

  #begin(client: MemoryClient, timeoutMs: number): ServerSession {
    const id = `m${(this.#created += 1)}`;
    const session: ServerSession = {
      id,
      timeoutMs,
      client,
      link: undefined,
      heardAt: this.#clock.now(),
      expiry: Subscription.EMPTY,
    };
    this.#sessions.set(id, session);
    this.#armExpiry(session);
    return session;
  }

  #armExpiry(session: ServerSession): void {
    session.expiry.unsubscribe();
    if (!this.#expires) return;
    const inMs = Math.max(0, session.heardAt + session.timeoutMs - this.#clock.now());
    session.expiry = this.scheduler.schedule(() => {
      if (this.#clock.now() - session.heardAt >= session.timeoutMs) this.expire(session.id);
      else this.#armExpiry(session);
    }, inMs);
  }

  #forget(session: ServerSession): void {
    session.expiry.unsubscribe();
    this.#sessions.delete(session.id);
    this.#commit(() => this.#tree.removeOwned(session.id));
  }

  #break(link: MemoryLink, why: string): void {
    this.#unlink(link);
    // The client hears of it as of everything else: after a while, and never inside its own call.
    this.#later(() => link.broken.error(new RegistryError('CONNECTION_LOST', `${why}.`)));
  }

  #unlink(link: MemoryLink): void {
    link.alive = false;
    this.#links.delete(link);
    const session = this.#sessions.get(link.sessionId);
    if (session?.link === link) session.link = undefined;
    link.watches.unsubscribe();
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

  #deliverable(link: MemoryLink, work: () => void): void {
    if (!link.alive) return;
    if (this.#allHoled || this.#holed.has(link.client)) link.holed = true;
    else if (!link.holed) work();
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
