import { BehaviorSubject, concat, defer, merge, NEVER, type Observable, of, Subject, takeUntil } from 'rxjs';
import { RegistryError } from '../../../lib/errors.js';
import { checkPath } from '../../../lib/internal/path.js';
import {
  type Backend,
  type ConnectionState,
  type DirectoryChange,
  type Session,
  watchEachDirectory,
} from '../../../lib/port/index.js';

/** A registry that holds any names at all, which no server of ours does: what a hostile one could say. */
export class HostileServer {
  /** Directories that were asked for, each time anew. */
  readonly asked: string[] = [];
  readonly backend: Backend;
  readonly #states: BehaviorSubject<ConnectionState>;
  readonly #directories = new Map<string, { names: Set<string>; changes: Subject<DirectoryChange> }>();
  readonly #broken = new Subject<void>();
  readonly #session: Session;

  constructor(options: Pick<Backend, 'largeDirectoryBytes'> = {}) {
    const nothing = (): never => {
      throw new RegistryError('UNSUPPORTED', 'Nobody may write here.');
    };
    this.#session = {
      id: 'hostile',
      timeoutMs: 10_000,
      owned: nothing,
      sync: nothing,
      nodes: {
        create: nothing,
        takeOver: nothing,
        move: nothing,
        read: nothing,
        write: nothing,
        remove: nothing,
        watch: nothing,
      },
      makeDirectory: nothing,
      create: nothing,
      takeOver: nothing,
      move: nothing,
      read: nothing,
      list: nothing,
      write: nothing,
      remove: nothing,
      watchNode: () => concat(of(undefined), NEVER),
      watchDirectory: (path) => this.#watch(path),
      watchDirectories: (changes) => watchEachDirectory(changes, (path) => this.#watch(path)),
    };
    this.#states = new BehaviorSubject<ConnectionState>({ status: 'connected', session: this.#session });
    this.backend = {
      ...options,
      name: 'hostile',
      states: this.#states,
      close: async () => this.#states.complete(),
    };
  }

  /** Makes nodes in a directory, told together. */
  put(path: string, added: readonly string[]): void {
    const { names, changes } = this.#directory(path);
    const fresh = added.filter((name) => !names.has(name));
    for (const name of fresh) names.add(name);
    changes.next({ type: 'delta', added: fresh, removed: [] });
  }

  /** Removes nodes from a directory, told together. */
  take(path: string, removed: readonly string[]): void {
    const { names, changes } = this.#directory(path);
    const gone = removed.filter((name) => names.delete(name));
    changes.next({ type: 'delta', added: [], removed: gone });
  }

  /** Breaks the connection and lets it come back. */
  interrupt(): void {
    const session = this.#session;
    this.#states.next({ status: 'suspended', session, cause: new RegistryError('CONNECTION_LOST', 'cut') });
    this.#broken.next();
    this.#states.next({ status: 'connected', session });
  }

  #watch(path: string): Observable<DirectoryChange> {
    return defer(() => {
      this.asked.push(path);
      checkPath(path);
      const { names, changes } = this.#directory(path);
      const snapshot = of<DirectoryChange>({ type: 'snapshot', names: [...names] });
      return merge(snapshot, changes).pipe(takeUntil(this.#broken));
    });
  }

  #directory(path: string): { names: Set<string>; changes: Subject<DirectoryChange> } {
    const directory = this.#directories.get(path) ?? { names: new Set<string>(), changes: new Subject() };
    this.#directories.set(path, directory);
    return directory;
  }
}
