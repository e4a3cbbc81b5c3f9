import { nameOf, parentOf } from '../../internal/path.js';
import type { DirectoryChange } from '../../port/index.js';
import type { NodeEvent } from './treeWatches.js';
import type { NodeStat } from './wire.js';

/** A directory as it was read: its children, and what it is; `undefined` if there is none. */
export type DirectoryContent = { readonly names: readonly string[]; readonly stat: NodeStat } | undefined;

/**
 * Folds what is told of a directory into what it holds, and notices when something was not told.
 *
 * A server from 3.8.4 on does not tell of a child that we may not read. But it counts the changes of children for everybody who
 * may see the directory itself, so what was told is counted, too: where the two differ, the directory has to be read again.
 *
 * On one connection a server tells of a transaction before anything that it answers later, and in the order of transactions. A
 * node that is taken over is told as deleted and then as created, perhaps in two packets, so a deletion is only believed after an
 * answer that the server gave later.
 */
export class DirectoryView {
  readonly #path: string;
  /** `undefined` as long as it was not read. */
  #names: Set<string> | undefined;
  /** What the directory was when it was read; `undefined` if there was none, or if that is not known any more. */
  #base: NodeStat | undefined;
  /** How many events there were since, and how many of them no answer has confirmed. */
  #told = 0;
  #unconfirmed = 0;
  #isStirred = false;
  #mustRead = true;
  // The sets are made when they are needed: a directory is watched for each of ten thousand services.
  /** Came, and was not told yet. */
  #fresh: Set<string> | undefined;
  /** Went, as it seems; `#asked` are those that the answer under way will settle. */
  #gone: Set<string> | undefined;
  #asked: Set<string> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** What the server has to be asked for next: all names, or what the directory is now. */
  get next(): 'read' | 'check' | undefined {
    if (this.#mustRead) return 'read';
    return this.#isStirred || (this.#gone?.size ?? 0) > (this.#asked?.size ?? 0) ? 'check' : undefined;
  }

  /** Takes in what was read; returns all there is, or what has changed if all of that was told. */
  begin(content: DirectoryContent): DirectoryChange | undefined {
    const names = new Set(content?.names);
    const before = this.#names;
    const isFirst = before === undefined;
    const expected = [...(before ?? [])].filter((name) => !this.#gone?.has(name));
    const isExpected = expected.length === names.size && expected.every((name) => names.has(name));
    const removed = [...(this.#gone ?? [])];
    this.#names = names;
    this.#base = content?.stat;
    this.#mustRead = false;
    this.#told = this.#unconfirmed = 0;
    this.#gone = this.#asked = undefined;
    if (!isFirst && isExpected) return this.#tell(removed);
    this.#fresh = undefined;
    return { type: 'snapshot', names: [...names], ...(!isFirst && { withheld: true }) };
  }

  /** Takes an event in. */
  record({ type, path }: NodeEvent): void {
    // What comes before the names is in the names.
    if (!this.#names || type === 'changed') return;
    if (path === this.#path) {
      this.#base = undefined;
      this.#mustRead = true;
    } else if (path !== '/' && parentOf(path) === this.#path) this.#recordChild(type, nameOf(path));
  }

  /** Takes in that some children have changed, after the events that tell which. */
  stir(): void {
    this.#isStirred = true;
    // Nobody told us which.
    if (this.#unconfirmed === 0) this.#mustRead = true;
  }

  /** Has the directory read again, whatever was told. */
  doubt(): void {
    this.#mustRead = true;
  }

  /** What came since it was last told; `undefined` if nothing did. */
  news(): DirectoryChange | undefined {
    return this.#tell([]);
  }

  /** Says that the server is asked for what is next: its answer will settle what is in doubt now. */
  ask(): void {
    this.#asked = this.#gone && new Set(this.#gone);
    this.#isStirred = false;
  }

  /** Takes in the answer: what is still gone is gone, if all changes were told. */
  settle(stat: NodeStat | undefined): DirectoryChange | undefined {
    const removed = [...(this.#asked ?? [])];
    this.#asked = undefined;
    if (!this.#isComplete(stat)) {
      this.#mustRead = true;
      return undefined;
    }
    this.#unconfirmed = 0;
    for (const name of removed) {
      this.#gone?.delete(name);
      this.#names?.delete(name);
    }
    return this.#tell(removed);
  }

  #recordChild(type: 'created' | 'deleted', name: string): void {
    const names = this.#names!;
    this.#told += 1;
    this.#unconfirmed += 1;
    if (!this.#base) this.#mustRead = true;
    if (type === 'created') {
      if (this.#gone?.delete(name)) this.#asked?.delete(name);
      else if (!names.has(name)) {
        names.add(name);
        (this.#fresh ??= new Set()).add(name);
      }
    } else if (this.#fresh?.delete(name)) names.delete(name);
    else if (names.has(name)) (this.#gone ??= new Set()).add(name);
  }

  #isComplete(stat: NodeStat | undefined): boolean {
    const base = this.#base;
    // A counter of 32 bits that goes on from its end to its beginning.
    return (
      base !== undefined && stat?.madeBy === base.madeBy && stat.childChanges === ((base.childChanges + this.#told) | 0)
    );
  }

  #tell(removed: readonly string[]): DirectoryChange | undefined {
    const added = [...(this.#fresh ?? [])];
    this.#fresh = undefined;
    return added.length + removed.length > 0 ? { type: 'delta', added, removed } : undefined;
  }
}
