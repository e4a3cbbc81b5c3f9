import type { Observable } from 'rxjs';
import type { DirectoryEvent, DirectorySetChange } from './directories.js';

/** A node as the registry holds it. */
export interface RegistryNode {
  /** The absolute path, such as `/dubbo/com.acme.Users/providers/…`. */
  readonly path: string;
  /** The content; empty where none was written. */
  readonly data: Uint8Array;
  /** The id of the session whose end takes the node along; `undefined` for a persistent node. */
  readonly owner: string | undefined;
  /** Rises with every write to the node, also when it is removed and made again. Comparable within one path. */
  readonly version: bigint;
}

/**
 * What the registry said of one path, and where in the order of all that it says this belongs.
 *
 * The same path is heard of in two ways, the answers to what we ask and the emissions of a watch, and one may overtake the other.
 * What has a lower position than what is known of the path already is out of date.
 */
export interface NodeState {
  /** The node; `undefined` where there is none. */
  readonly node: RegistryNode | undefined;
  /** Rises with every change of the path. Comparable within one path and one connection of one session. */
  readonly position: bigint;
}

/**
 * The operations of a {@link Session} on single nodes, each answer and each emission with its position.
 *
 * They do what the methods of the session do.
 */
export interface NodeOperations {
  /** As {@link Session.create}. */
  create(path: string, options?: CreateOptions): Observable<NodeState>;
  /** As {@link Session.takeOver}. */
  takeOver(node: RegistryNode, options?: CreateOptions): Observable<NodeState>;
  /** As {@link Session.move}. */
  move(node: RegistryNode, path: string, options?: CreateOptions): Observable<NodeState>;
  /** As {@link Session.read}. */
  read(path: string): Observable<NodeState>;
  /** As {@link Session.write}. */
  write(path: string, data: Uint8Array, condition?: NodeCondition): Observable<NodeState>;
  /** As {@link Session.remove}; emits that there is no node any more. */
  remove(path: string, condition?: NodeCondition): Observable<NodeState>;
  /** As {@link Session.watchNode}. */
  watch(path: string, known?: RegistryNode): Observable<NodeState>;
}

/** What became of the children of a directory: one complete snapshot first, changes after it. */
export type DirectoryChange =
  /**
   * All children there are: the first emission, and again after every gap in what could be seen.
   *
   * `withheld` is set where the gap is the server's way: it does not tell what happens to children that we may not read, so the
   * directory is read again whenever such a child comes or goes.
   */
  | { readonly type: 'snapshot'; readonly names: readonly string[]; readonly withheld?: true }
  /** What came and went since, net: a child that was replaced within one transaction is in neither list. */
  | { readonly type: 'delta'; readonly added: readonly string[]; readonly removed: readonly string[] };

/** How {@link Session.watchDirectory} watches. */
export interface DirectoryOptions {
  /**
   * Whether a child counts that has no node of its own and stands only for nodes below it. Only etcd has such children: nothing
   * there asks for the keys above a key.
   *
   * @defaultValue `false`
   */
  readonly implied?: boolean;
}

/** How {@link Session.create} makes a node. */
export interface CreateOptions {
  /** The content. @defaultValue empty */
  readonly data?: Uint8Array;
  /** Whether the node goes when the session ends. @defaultValue `false` */
  readonly ephemeral?: boolean;
  /** Appends a ten-digit number to the name that rises with every such node of the directory. @defaultValue `false` */
  readonly sequential?: boolean;
}

/** What must hold for a write or removal to be carried out; otherwise it fails with `CONFLICT`. */
export interface NodeCondition {
  /** The {@link RegistryNode.version} that the node must have. */
  readonly version?: bigint;
  /** The {@link RegistryNode.owner} that the node must have. */
  readonly owner?: string;
}

/**
 * What can be asked of a registry while it is connected.
 *
 * A session is reached through a `connected` state only (see `whileConnected`), so there is no way to ask a client that
 * has no connection. The same object is handed out again when the session is resumed; a new session is a new object.
 *
 * All operations are cold: each subscription carries the operation out once. Those that are not watches emit one value
 * and complete. All of them error with a `RegistryError`: `CONNECTION_LOST` when the answer did not arrive (the
 * operation may or may not have been carried out: read to know), otherwise what the server said. Unsubscribing does
 * not take an operation back that was already sent.
 */
export interface Session {
  /** Names the session in logs and as the owner of its nodes. */
  readonly id: string;
  /** How long the server keeps the session without a word from us, as negotiated, in milliseconds. */
  readonly timeoutMs: number;

  /** The operations on single nodes with the order of what they tell, for whoever listens to several of them. */
  readonly nodes: NodeOperations;

  /**
   * Lists the paths of all nodes that go with this session, in no particular order.
   *
   * A registry whose data was replaced by an older copy may have nodes of the session that it has removed since. Errors with
   * `UNSUPPORTED` where a server cannot say.
   */
  owned(): Observable<readonly string[]>;

  /**
   * Completes, after one emission, when what this session reads from now on has everything in it that was acknowledged to anybody
   * before the subscription.
   *
   * A server of a cluster may be behind the others: then it catches up first.
   */
  sync(): Observable<void>;

  /** Makes a persistent directory and its parents; nothing happens where it exists. */
  makeDirectory(path: string): Observable<void>;

  /**
   * Makes a node, and the directories above it where they are missing.
   *
   * Errors with `NODE_EXISTS` if there is a node already. Nodes that are asked for at once may be made in one transaction;
   * a bad one among them fails alone.
   */
  create(path: string, options?: CreateOptions): Observable<RegistryNode>;

  /**
   * Atomically replaces a node, as it was read, by one that belongs to this session (or is persistent).
   *
   * Watchers of the directory see no gap. Errors with `CONFLICT` if the node is not any more what was read.
   */
  takeOver(node: RegistryNode, options?: CreateOptions): Observable<RegistryNode>;

  /**
   * Atomically removes a node, as it was read, and makes another one in the same directory that belongs to this session (or is
   * persistent).
   *
   * It is one transaction: watchers of the directory never see neither. Errors with `CONFLICT` if the first node is not any more what was read, or lies in
   * another directory, and with `NODE_EXISTS` if there is a second one already; then nothing is changed.
   */
  move(node: RegistryNode, path: string, options?: CreateOptions): Observable<RegistryNode>;

  /** Reads a node; `undefined` if there is none. */
  read(path: string): Observable<RegistryNode | undefined>;

  /** Lists the names of a directory's children; empty if there is no such directory. */
  list(path: string): Observable<readonly string[]>;

  /**
   * Replaces the content of a node. Errors with `NO_NODE`, or with `CONFLICT` where the condition does not hold.
   *
   * ZooKeeper counts the writes to a node and can compare nothing but that. A node that is removed and made anew during the one
   * round trip between our look and our write, and written to as often, passes for the old one; then the error comes after
   * the fact.
   */
  write(path: string, data: Uint8Array, condition?: NodeCondition): Observable<RegistryNode>;

  /**
   * Removes a node; emits whether there was one.
   *
   * What this session asked for at that path before, and was never answered, does not come to stay after it either, however
   * late a server carries it out.
   *
   * Errors with `CONFLICT` where the condition does not hold, and with `NOT_EMPTY` if it has children.
   */
  remove(path: string, condition?: NodeCondition): Observable<boolean>;

  /**
   * Emits the node as it is, `undefined` for absent, and again whenever that changes, until unsubscribed.
   *
   * What changed and changed again before it could be read is told once, as the last state. Who knows what the node was
   * may hand that over as `known`: where a backend can ask whether it still is, that is cheaper than to read it.
   */
  watchNode(path: string, known?: RegistryNode): Observable<RegistryNode | undefined>;

  /**
   * Emits a snapshot of the directory's children and then what changes, until unsubscribed, which also releases the
   * watch on the server. A directory that does not exist is empty and watched for its coming.
   */
  watchDirectory(path: string, options?: DirectoryOptions): Observable<DirectoryChange>;

  /**
   * Watches a set of directories that changes, each as {@link watchDirectory} does.
   *
   * ```text
   *  changes             +ab-----------+c---------------a---
   *  watchDirectories()  ---(a:S b:S)------c:S-a:d-b:#-----    S: snapshot, d: delta, #: error
   * ```
   *
   * A directory that cannot be watched is told with its error and leaves the set; the others go on. Errors as a whole
   * without a connection, at its end, and with `changes`. Never completes: after the end of `changes` the set stays as it is. Unsubscribing
   * releases all watches.
   *
   * @param changes - What to add and to remove; subscribed to for as long as the directories are watched.
   *
   * @example
   * ```ts
   * const wanted = new Subject<DirectorySetChange>();
   * session.watchDirectories(wanted).subscribe(console.log);
   * wanted.next({ add: ['/dubbo/a/providers', '/dubbo/b/providers'] });
   * wanted.next({ remove: ['/dubbo/a/providers'] });
   * ```
   */
  watchDirectories(changes: Observable<DirectorySetChange>): Observable<DirectoryEvent>;
}
