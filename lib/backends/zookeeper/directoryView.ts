import { nameOf, parentOf } from '../../internal/path.js';
import type { DirectoryChange } from '../../port/index.js';
import type { NodeEvent } from './treeWatches.js';

/**
 * Folds what is told of a directory into what it holds.
 *
 * Events may come before the list that they are in, or after it, and a node that is taken over is told as deleted and then
 * as created, perhaps in two packets. So an event is taken as what is now, not as a step, and a deletion is only believed
 * after an answer that the server gave later: a transaction is told whole before anything that is asked after it.
 */
export class DirectoryView {
  readonly #path: string;
  /** `undefined` as long as there was no list. */
  #names: Set<string> | undefined;
  #early: NodeEvent[] = [];
  /** Came, and was not told yet. */
  readonly #fresh = new Set<string>();
  /** Went, as it seems; `#asked` are those that the answer under way will settle. */
  readonly #gone = new Set<string>();
  #asked = new Set<string>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether there is a deletion that no answer under way will settle. */
  get doubts(): boolean {
    return this.#gone.size > this.#asked.size;
  }

  /** Takes the list in; what there is, with what was told meanwhile. */
  begin(names: readonly string[]): DirectoryChange {
    this.#names = new Set(names);
    const early = this.#early;
    this.#early = [];
    for (const event of early) this.record(event);
    this.#fresh.clear();
    return { type: 'snapshot', names: [...this.#names] };
  }

  /** Takes an event in. */
  record(event: NodeEvent): void {
    if (event.type === 'changed' || event.path === this.#path || parentOf(event.path) !== this.#path) return;
    if (!this.#names) {
      this.#early.push(event);
      return;
    }
    const name = nameOf(event.path);
    if (event.type === 'created') {
      if (this.#gone.delete(name)) this.#asked.delete(name);
      else if (!this.#names.has(name)) {
        this.#names.add(name);
        this.#fresh.add(name);
      }
    } else if (this.#fresh.delete(name)) this.#names.delete(name);
    else if (this.#names.has(name)) this.#gone.add(name);
  }

  /** What came since it was last told; `undefined` if nothing did. */
  news(): DirectoryChange | undefined {
    return this.#tell([]);
  }

  /** Says that the server is asked for something: its answer will settle what is in doubt now. */
  ask(): void {
    this.#asked = new Set(this.#gone);
  }

  /** Says that it has answered: what is still gone is gone. */
  settle(): DirectoryChange | undefined {
    const removed = [...this.#asked];
    this.#asked.clear();
    for (const name of removed) {
      this.#gone.delete(name);
      this.#names?.delete(name);
    }
    return this.#tell(removed);
  }

  #tell(removed: readonly string[]): DirectoryChange | undefined {
    const added = [...this.#fresh];
    this.#fresh.clear();
    return added.length + removed.length > 0 ? { type: 'delta', added, removed } : undefined;
  }
}
