import { filter, map, type Observable, type SchedulerLike, tap } from 'rxjs';
import { diagnosticChannel } from '../internal/diagnostics.js';
import { inSlices } from '../internal/inSlices.js';
import { childOf } from '../internal/path.js';
import { redact } from '../internal/redact.js';
import type { DirectoryChange } from '../port/index.js';

const changes = diagnosticChannel('rx-registry:directory');

/** What changed in a directory, and all there is. */
export interface DirectoryBatch<T> {
  /** Everything that could be read, by name, as it is now: live, not a copy. */
  readonly present: ReadonlyMap<string, T>;
  readonly added: readonly (readonly [name: string, value: T])[];
  readonly removed: readonly (readonly [name: string, value: T])[];
  /** Whether more of the same change follows: until then the batches are only a part of it. */
  readonly more: boolean;
}

/** How {@link DirectoryContents} reads a directory. */
export interface DirectoryReader<T> {
  /** Reads the name of a child; throws if it cannot be read. */
  readonly read: (name: string) => T;
  /** Called once for each child that cannot be read. */
  readonly onUnreadable: (path: string, error: unknown) => void;
  /** Called when the server does not tell of some children, because we may not read them. */
  readonly onWithheld?: (path: string) => void;
  /** Called when the names together exceed {@link largeAtBytes}. */
  readonly onLarge?: (path: string, bytes: number) => void;
  readonly largeAtBytes?: number;
  readonly scheduler: SchedulerLike;
}

/**
 * The children of one directory that can be read, as the changes of its watch add up.
 *
 * A snapshot is compared with what was there before, so that only the difference is emitted.
 */
export class DirectoryContents<T> {
  readonly #path: string;
  readonly #reader: DirectoryReader<T>;
  readonly #present = new Map<string, T>();
  /** The names that cannot be read; hardly any directory has one. */
  #unreadable: Set<string> | undefined;
  #isKnown = false;
  #isLarge = false;

  constructor(path: string, reader: DirectoryReader<T>) {
    this.#path = path;
    this.#reader = reader;
  }

  /** Everything that can be read, by name: live, not a copy. */
  get present(): ReadonlyMap<string, T> {
    return this.#present;
  }

  /** Whether there was a first batch. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Applies a change; emits what it changed, a large one in slices between which the event loop turns. The first change is always
   * emitted, later ones only if they change something.
   */
  apply(change: DirectoryChange): Observable<DirectoryBatch<T>> {
    const { added, removed } = change.type === 'delta' ? change : this.#difference(change.names);
    if (change.type === 'snapshot') {
      this.#checkSize(change.names);
      if (change.withheld) this.#reader.onWithheld?.(this.#path);
    }
    const steps = [...removed.map((name) => ({ name, comes: false })), ...added.map((name) => ({ name, comes: true }))];
    return inSlices(steps, this.#reader.scheduler).pipe(
      map(({ items, more }) => ({
        present: this.#present,
        removed: items.flatMap(({ name, comes }) => (comes ? [] : this.#remove(name))),
        added: items.flatMap(({ name, comes }) => (comes ? this.#add(name) : [])),
        more,
      })),
      filter((batch, index) => {
        const isPart = batch.more || index > 0;
        return isPart || !this.#isKnown || batch.added.length + batch.removed.length > 0;
      }),
      tap(({ added, removed, present: { size } }) => {
        this.#isKnown = true;
        if (!changes.hasSubscribers) return;
        changes.publish({ path: redact(this.#path), added: added.length, removed: removed.length, size });
      }),
    );
  }

  #difference(names: readonly string[]): { added: string[]; removed: string[] } {
    const now = new Set(names);
    const before = [...this.#present.keys(), ...(this.#unreadable ?? [])];
    return {
      added: [...now].filter((name) => !this.#has(name)),
      removed: before.filter((name) => !now.has(name)),
    };
  }

  #has(name: string): boolean {
    return this.#present.has(name) || this.#unreadable?.has(name) === true;
  }

  #add(name: string): [name: string, value: T][] {
    if (this.#has(name)) return [];
    try {
      const value = this.#reader.read(name);
      this.#present.set(name, value);
      return [[name, value]];
    } catch (error) {
      (this.#unreadable ??= new Set()).add(name);
      this.#reader.onUnreadable(childOf(this.#path, name), error);
      return [];
    }
  }

  #remove(name: string): [name: string, value: T][] {
    this.#unreadable?.delete(name);
    const value = this.#present.get(name);
    return this.#present.delete(name) ? [[name, value as T]] : [];
  }

  #checkSize(names: readonly string[]): void {
    const { onLarge, largeAtBytes = Infinity } = this.#reader;
    // Node names are ASCII but for garbage, and each carries its length in four bytes.
    const bytes = names.reduce((sum, name) => sum + name.length + 4, 0);
    const isLarge = bytes > largeAtBytes;
    if (isLarge && !this.#isLarge) onLarge?.(this.#path, bytes);
    this.#isLarge = isLarge;
  }
}
