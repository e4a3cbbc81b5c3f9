import { Observable, type Subscriber, Subscription } from 'rxjs';
import { parentOf } from '../../internal/path.js';

/** What happened to a node. */
export interface NodeEvent {
  readonly type: 'created' | 'deleted' | 'changed';
  readonly path: string;
}

/** What the server is asked for, in the order of the calls. */
export interface TreeWatchServer {
  /**
   * Watches a node and everything below it until removed; completes when the server has confirmed it.
   *
   * `onSent` is called when the request is sent. Unsubscribing before that withdraws it.
   */
  add(path: string, onSent: () => void): Observable<unknown>;
  /** Removes that watch, and every other watch of ours on that very node. */
  remove(path: string): void;
}

interface Watcher {
  readonly listener: (event: NodeEvent) => void;
  readonly subscriber: Subscriber<void>;
  isTold: boolean;
}

/** A path that somebody here watches. */
interface Tree {
  readonly path: string;
  readonly watchers: Set<Watcher>;
  /** The watch on the server that covers it: on this path, or on one above. */
  cover: ServerWatch;
}

/** A watch on the server. */
interface ServerWatch {
  readonly path: string;
  /** What it covers. */
  readonly trees: Set<Tree>;
  request: Subscription | undefined;
  isSent: boolean;
  /** Whether everything that happens from now on is told. */
  isReady: boolean;
}

/**
 * Persistent recursive watches: told by name what happens at and below a path, at the cost of what happens.
 *
 * A path below one that is watched needs no watch of its own on the server. When the upper watch is not needed any more, the
 * lower ones are asked for first, so that nothing falls between them. Watches are released at the end of the tick: what is left
 * and watched again within it, or left together, costs nothing.
 */
export class TreeWatches {
  readonly #server: TreeWatchServer;
  readonly #trees = new Map<string, Tree>();
  readonly #onServer = new Map<string, ServerWatch>();
  readonly #left = new Set<Tree>();

  constructor(server: TreeWatchServer) {
    this.#server = server;
  }

  /** Emits once, when all that happens from then on is told to `listener`; unsubscribing ends the watch. */
  watch(path: string, listener: (event: NodeEvent) => void): Observable<void> {
    return new Observable((subscriber) => {
      const watcher: Watcher = { listener, subscriber, isTold: false };
      const tree = this.#treeAt(path);
      tree.watchers.add(watcher);
      subscriber.add(() => this.#leave(tree, watcher));
      this.#ask(tree.cover);
      if (tree.cover.isReady) tellReady(watcher);
    });
  }

  /** Hands an event to everybody who watches the node or one above it. */
  tell(event: NodeEvent): void {
    if (this.#trees.size === 0) return;
    for (let path = event.path; ; path = parentOf(path)) {
      for (const { listener } of this.#trees.get(path)?.watchers ?? []) listener(event);
      if (path === '/') return;
    }
  }

  #treeAt(path: string): Tree {
    const known = this.#trees.get(path);
    if (known) return known;
    const cover = this.#coverOf(path);
    const tree: Tree = { path, watchers: new Set(), cover };
    cover.trees.add(tree);
    this.#trees.set(path, tree);
    return tree;
  }

  #leave(tree: Tree, watcher: Watcher): void {
    tree.watchers.delete(watcher);
    if (tree.watchers.size > 0 || this.#trees.get(tree.path) !== tree) return;
    this.#left.add(tree);
    if (this.#left.size === 1) queueMicrotask(() => this.#release());
  }

  /** Releases what nobody watches any more. */
  #release(): void {
    const unneeded = new Set<ServerWatch>();
    for (const tree of this.#left) {
      if (tree.watchers.size > 0 || this.#trees.get(tree.path) !== tree) continue;
      this.#trees.delete(tree.path);
      tree.cover.trees.delete(tree);
      const own = this.#onServer.get(tree.path);
      if (own) unneeded.add(own);
    }
    this.#left.clear();
    for (const { path } of unneeded) this.#onServer.delete(path);
    for (const watch of unneeded) this.#handOver(watch);
    for (const { isSent, request, path } of unneeded) {
      if (isSent) this.#server.remove(path);
      else request?.unsubscribe();
    }
  }

  /** Finds other watches for what this one covered, the upper ones first, because they cover the lower ones. */
  #handOver({ trees, isReady }: ServerWatch): void {
    for (const tree of [...trees].sort((one, other) => one.path.length - other.path.length)) {
      // The old watch is removed after the new one is set, so what was told goes on to be told.
      tree.cover = this.#coverOf(tree.path, isReady);
      tree.cover.trees.add(tree);
      this.#ask(tree.cover);
      if (tree.cover.isReady) for (const watcher of tree.watchers) tellReady(watcher);
    }
  }

  /** The watch that covers a path; a new one where there is none yet. */
  #coverOf(path: string, isReady = false): ServerWatch {
    for (let upper = path; ; upper = parentOf(upper)) {
      const watch = this.#onServer.get(upper);
      if (watch) return watch;
      if (upper === '/') break;
    }
    const watch: ServerWatch = { path, trees: new Set(), request: undefined, isSent: false, isReady };
    this.#onServer.set(path, watch);
    return watch;
  }

  #ask(watch: ServerWatch): void {
    if (watch.request) return;
    const request = (watch.request = new Subscription());
    request.add(
      this.#server
        .add(watch.path, () => (watch.isSent = true))
        .subscribe({
          error: (error: unknown) => this.#fail(watch, error),
          complete: () => {
            watch.isReady = true;
            for (const { watchers } of watch.trees) for (const watcher of watchers) tellReady(watcher);
          },
        }),
    );
  }

  #fail(watch: ServerWatch, error: unknown): void {
    if (this.#onServer.get(watch.path) === watch) this.#onServer.delete(watch.path);
    for (const tree of watch.trees) {
      this.#trees.delete(tree.path);
      for (const { subscriber } of tree.watchers) subscriber.error(error);
    }
  }
}

function tellReady(watcher: Watcher): void {
  if (watcher.isTold) return;
  watcher.isTold = true;
  watcher.subscriber.next();
}
