import type { Observable } from 'rxjs';
import type { Deliveries } from './deliveries.js';
import type { WatchEvent } from './libraryClient.js';
import { type NodeEvent, TreeWatches, type TreeWatchServer } from './treeWatches.js';
import { EVENT_TYPE } from './wire.js';

/** What a one-shot watch is set on: a node itself, there or not, or the children of one that is there. */
export type WatchKind = 'node' | 'children';

/** What happened, by the number that the server tells it with; children changed is told to one-shot watches only. */
const NODE_EVENTS: ReadonlyMap<number, NodeEvent['type']> = new Map([
  [EVENT_TYPE.CREATED, 'created'],
  [EVENT_TYPE.DELETED, 'deleted'],
  [EVENT_TYPE.DATA_CHANGED, 'changed'],
]);

/** The watches of one connection: one-shot watches on nodes, and persistent ones on trees. */
export class ClientWatches {
  readonly #deliveries: Deliveries;
  readonly #once = new Map<string, Set<() => void>>();
  readonly #trees: TreeWatches;
  readonly #treesOnServer = new Set<string>();

  constructor(deliveries: Deliveries, server: TreeWatchServer) {
    this.#deliveries = deliveries;
    this.#trees = new TreeWatches(server);
  }

  /** Whether the server, having read all that was sent so far, tells us persistently of this very node and all below it. */
  hasTree(path: string): boolean {
    return this.#treesOnServer.has(path);
  }

  /** Watches a node and all below it; see {@link TreeWatches.watch}. */
  watchTree(path: string, listener: (event: NodeEvent) => void): Observable<void> {
    return this.#trees.watch(path, listener);
  }

  /** Says that the server is now asked for a persistent watch. */
  treeAdded(path: string): void {
    this.#treesOnServer.add(path);
  }

  /** Says that the server is now asked to remove a persistent watch, or has refused it. */
  treeRemoved(path: string): void {
    this.#treesOnServer.delete(path);
    // The server removes one-shot watches on that node with it: whoever has one here reads again, and sets it again.
    this.#fire('node', path);
    this.#fire('children', path);
  }

  /** Whether somebody waits for the next event of that kind. */
  has(kind: WatchKind, path: string): boolean {
    return this.#once.has(keyOf(kind, path));
  }

  /** Calls `fired` when the next event of that kind comes. */
  add(kind: WatchKind, path: string, fired: () => void): void {
    const key = keyOf(kind, path);
    this.#once.set(key, (this.#once.get(key) ?? new Set()).add(fired));
  }

  /** Forgets a one-shot watch; returns whether it was the last one of its kind and path. */
  delete(kind: WatchKind, path: string, fired: () => void): boolean {
    const key = keyOf(kind, path);
    const watches = this.#once.get(key);
    if (!watches?.delete(fired) || watches.size > 0) return false;
    return this.#once.delete(key);
  }

  /** Forgets all one-shot watches. */
  clear(): void {
    this.#once.clear();
  }

  /** Takes what the server tells. */
  notify({ type, path }: WatchEvent): void {
    const event = NODE_EVENTS.get(type);
    if (event) this.#deliveries.add(() => this.#trees.tell({ type: event, path }));
    if (type === EVENT_TYPE.CHILDREN_CHANGED || type === EVENT_TYPE.DELETED) this.#fire('children', path);
    if (event) this.#fire('node', path);
  }

  #fire(kind: WatchKind, path: string): void {
    const key = keyOf(kind, path);
    const watches = this.#once.get(key);
    this.#once.delete(key);
    for (const watch of watches ?? []) this.#deliveries.add(watch);
  }
}

function keyOf(kind: WatchKind, path: string): string {
  return `${kind}:${path}`;
}
