import { concat, defer, ignoreElements, NEVER, Observable, of, share, tap } from 'rxjs';
import { parentOf } from '../../internal/path.js';

/** What happened to a node. */
export interface NodeEvent {
  readonly type: 'created' | 'deleted' | 'changed';
  readonly path: string;
}

/** What the server is asked for. */
export interface TreeWatchServer {
  /** Watches a node and everything below it, for ever; completes when the server has confirmed it. */
  add(path: string): Observable<unknown>;
  /** Ends that, and every other watch of ours on that very node. */
  remove(path: string): void;
}

interface Tree {
  readonly listeners: Set<(event: NodeEvent) => void>;
  /** Completes when what happens is told; replays that. */
  readonly ready: Observable<never>;
  /** Whether the server watches this very path for us, or one above it. */
  own: boolean;
}

/**
 * Persistent recursive watches: told by name what happens at and below a path, at the cost of what happens.
 *
 * One below another costs the server nothing: what the upper one tells is handed to both. When the upper one goes, the lower
 * one is asked for first, so that nothing falls between them.
 */
export class TreeWatches {
  readonly #server: TreeWatchServer;
  readonly #trees = new Map<string, Tree>();
  /** How many of them live on one above. */
  #lent = 0;

  constructor(server: TreeWatchServer) {
    this.#server = server;
  }

  /** Whether the server watches exactly this node for us in that way, or is asked to. */
  has(path: string): boolean {
    return this.#trees.get(path)?.own === true;
  }

  /** Emits once, when all that happens from then on is told to `listener`; unsubscribing ends the watch. */
  watch(path: string, listener: (event: NodeEvent) => void): Observable<void> {
    return new Observable((subscriber) => {
      const tree = this.#join(path, listener);
      subscriber.add(() => this.#leave(path, tree, listener));
      subscriber.add(concat(tree.ready, of(undefined), NEVER).subscribe(subscriber));
    });
  }

  /** Hands an event to everybody who watches the node or one above it. */
  tell(event: NodeEvent): void {
    if (this.#trees.size === 0) return;
    for (let path = event.path; ; path = parentOf(path)) {
      for (const listener of this.#trees.get(path)?.listeners ?? []) listener(event);
      if (path === '/') return;
    }
  }

  #join(path: string, listener: (event: NodeEvent) => void): Tree {
    const known = this.#trees.get(path);
    if (known) {
      known.listeners.add(listener);
      return known;
    }
    const above = this.#above(path);
    const tree: Tree = { listeners: new Set([listener]), ready: above ? above.ready : this.#ask(path), own: !above };
    this.#trees.set(path, tree);
    if (above) this.#lent += 1;
    return tree;
  }

  #leave(path: string, tree: Tree, listener: (event: NodeEvent) => void): void {
    tree.listeners.delete(listener);
    if (tree.listeners.size > 0 || this.#trees.get(path) !== tree) return;
    this.#trees.delete(path);
    if (!tree.own) {
      this.#lent -= 1;
      return;
    }
    for (const [lower, other] of this.#lent > 0 ? this.#trees : []) {
      if (other.own || this.#above(lower)) continue;
      other.own = true;
      this.#lent -= 1;
      // They were ready; that the server confirms this one too is of no interest to anybody.
      this.#server.add(lower).subscribe({ error: () => undefined });
    }
    this.#server.remove(path);
  }

  #ask(path: string): Observable<never> {
    let confirmed = false;
    const asked = this.#server
      .add(path)
      .pipe(ignoreElements(), tap({ complete: () => (confirmed = true) }), share({ resetOnRefCountZero: false }));
    // Asked for at once, so that it is on its way before whatever is read after it.
    asked.subscribe({ error: () => undefined });
    return defer(() => (confirmed ? [] : asked));
  }

  #above(path: string): Tree | undefined {
    for (let upper = path; upper !== '/';) {
      upper = parentOf(upper);
      const tree = this.#trees.get(upper);
      if (tree?.own) return tree;
    }
    return undefined;
  }
}
