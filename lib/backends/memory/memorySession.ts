import { defer, map, merge, Observable } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { INSPECT, type Inspect, inspected } from '../../internal/legible.js';
import { checkMove, checkPath } from '../../internal/path.js';
import { quoted } from '../../internal/quoted.js';
import {
  type CreateOptions,
  type DirectoryChange,
  type DirectoryEvent,
  type DirectorySetChange,
  type NodeCondition,
  type NodeOperations,
  type NodeState,
  type RegistryNode,
  type Session,
  watchEachDirectory,
} from '../../port/index.js';
import type { Lane, MemoryLink, MemoryServer } from './memoryServer.js';
import type { MemoryTree } from './memoryTree.js';

/** A session with a {@link MemoryServer}; it outlives its connections. */
export class MemorySession implements Session {
  readonly id: string;
  readonly timeoutMs: number;
  readonly nodes: NodeOperations = {
    create: (path, options) => this.#create(path, options),
    takeOver: (node, options) => this.#takeOver(node, options),
    move: (node, path, options) => this.#move(node, path, options),
    read: (path) => this.#request(path, (tree) => seen(tree, tree.read(path))),
    write: (path, data, condition) => this.#request(path, (tree) => seen(tree, tree.write(path, data, condition))),
    remove: (path, condition) =>
      this.#request(path, (tree) => {
        tree.remove(path, condition);
        return seen(tree, undefined);
      }),
    watch: (path) => this.#watchNode(path),
  };
  readonly #server: MemoryServer;
  #link: MemoryLink | undefined;

  constructor(server: MemoryServer, id: string, timeoutMs: number) {
    this.#server = server;
    this.id = id;
    this.timeoutMs = timeoutMs;
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
  attach(link: MemoryLink | undefined): void {
    this.#link = link;
  }

  sync(): Observable<void> {
    return this.#request('/', () => undefined);
  }

  makeDirectory(path: string): Observable<void> {
    return this.#request(path, (tree) => tree.makeDirectory(path));
  }

  owned(): Observable<readonly string[]> {
    return this.#request('/', (tree) => tree.ownedBy(this.id));
  }

  create(path: string, options?: CreateOptions): Observable<RegistryNode> {
    return this.#create(path, options).pipe(map(({ node }) => node));
  }

  takeOver(node: RegistryNode, options?: CreateOptions): Observable<RegistryNode> {
    return this.#takeOver(node, options).pipe(map((made) => made.node));
  }

  move(node: RegistryNode, path: string, options?: CreateOptions): Observable<RegistryNode> {
    return this.#move(node, path, options).pipe(map((made) => made.node));
  }

  read(path: string): Observable<RegistryNode | undefined> {
    return this.#request(path, (tree) => tree.read(path));
  }

  list(path: string): Observable<readonly string[]> {
    return this.#request(path, (tree) => tree.list(path));
  }

  write(path: string, data: Uint8Array, condition?: NodeCondition): Observable<RegistryNode> {
    return this.#request(path, (tree) => tree.write(path, data, condition));
  }

  remove(path: string, condition?: NodeCondition): Observable<boolean> {
    return this.#request(path, (tree) => tree.remove(path, condition));
  }

  watchNode(path: string): Observable<RegistryNode | undefined> {
    return this.#watchNode(path).pipe(map(({ node }) => node));
  }

  watchDirectory(path: string): Observable<DirectoryChange> {
    return this.#watch(path, (link, deliver) => {
      const watch = this.#server.watchDirectory(link, path, deliver);
      return { watch, current: { type: 'snapshot', names: this.#server.list(path) } };
    });
  }

  watchDirectories(changes: Observable<DirectorySetChange>): Observable<DirectoryEvent> {
    return defer(() => {
      if (!this.#link) throw noConnection();
      return merge(
        this.#link.broken,
        watchEachDirectory(changes, (path) => this.watchDirectory(path)),
      );
    });
  }

  #create(path: string, options: CreateOptions = {}): Observable<NodeState & { node: RegistryNode }> {
    return this.#request(path, (tree) =>
      seen(tree, tree.create(path, this.#owner(options), options.data, options.sequential)),
    );
  }

  #takeOver(node: RegistryNode, options: CreateOptions = {}): Observable<NodeState & { node: RegistryNode }> {
    return this.#request(node.path, (tree) => {
      if (!tree.remove(node.path, { version: node.version })) {
        throw new RegistryError('CONFLICT', `${quoted(node.path)} is gone.`);
      }
      return seen(tree, tree.create(node.path, this.#owner(options), options.data));
    });
  }

  #move(node: RegistryNode, path: string, options: CreateOptions = {}): Observable<NodeState & { node: RegistryNode }> {
    return this.#request(path, (tree) => {
      checkMove(node.path, path);
      if (tree.read(path)) throw new RegistryError('NODE_EXISTS', `${quoted(path)} exists already.`);
      if (!tree.remove(node.path, { version: node.version })) {
        throw new RegistryError('CONFLICT', `${quoted(node.path)} is gone.`);
      }
      return seen(tree, tree.create(path, this.#owner(options), options.data));
    });
  }

  #watchNode(path: string): Observable<NodeState> {
    return this.#watch(
      path,
      (link, deliver) => {
        const watch = this.#server.watchNode(link, path, deliver);
        return { watch, current: this.#server.stateOf(path) };
      },
      'nodeWatches',
    );
  }

  #owner(options: CreateOptions): string | undefined {
    return options.ephemeral ? this.id : undefined;
  }

  #request<T>(path: string, work: (tree: MemoryTree) => T): Observable<T> {
    return new Observable((subscriber) => {
      checkPath(path);
      const link = this.#link;
      if (!link) {
        subscriber.error(noConnection());
        return undefined;
      }
      return this.#server.request(link, work, {
        next: (result) => {
          subscriber.next(result);
          subscriber.complete();
        },
        error: (error) => subscriber.error(error),
      });
    });
  }

  /** `arm` runs at the server: the watch is set and the present read in one step, so nothing falls between them. */
  #watch<T>(
    path: string,
    arm: (link: MemoryLink, deliver: (value: T) => void) => { watch: { unsubscribe(): void }; current: T },
    lane: Lane = 'answers',
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      checkPath(path);
      const link = this.#link;
      if (!link) return subscriber.error(noConnection());
      subscriber.add(
        this.#server.request(
          link,
          () => {
            const { watch, current } = arm(link, (value) => subscriber.next(value));
            subscriber.add(() => watch.unsubscribe());
            return current;
          },
          { next: (current) => subscriber.next(current), error: (error) => subscriber.error(error) },
          lane,
        ),
      );
    });
  }
}

function seen<N extends RegistryNode | undefined>({ position }: MemoryTree, node: N): { node: N; position: bigint } {
  return { node, position };
}

function noConnection(): RegistryError {
  return new RegistryError('CONNECTION_LOST', 'The session has no connection at the moment.');
}
