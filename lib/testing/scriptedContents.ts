import type { MemoryServer } from '../backends/memory/index.js';

/** Keeps on a server the nodes that the lines of a script want, beside those that clients make. */
export class ScriptedContents {
  readonly #server: MemoryServer;
  readonly #wanted: ReadonlySet<string>[] = [];
  readonly #made = new Set<string>();

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  /** Whether a node is there because the script wants it. */
  has(path: string): boolean {
    return this.#made.has(path);
  }

  /** Sets what one line wants: what comes and goes with it is one transaction. */
  set(line: number, paths: ReadonlySet<string>): void {
    this.#wanted[line] = paths;
    const wanted = new Set(this.#wanted.flatMap((each = new Set()) => [...each]));
    const remove = [...this.#made].filter((path) => !wanted.has(path));
    // What a client has registered there already is there.
    const create = [...wanted].filter((path) => !this.#made.has(path) && !this.#server.read(path));
    // Known before it is told, so that nobody takes it for a registration.
    for (const path of create) this.#made.add(path);
    // A node that a client has taken over meanwhile is the client's.
    this.#server.change({ create, remove: remove.filter((path) => this.#server.read(path)?.owner === undefined) });
    for (const path of remove) this.#made.delete(path);
  }
}
