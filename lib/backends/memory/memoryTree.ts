import { RegistryError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import { childOf, nameOf, parentOf } from '../../internal/path.js';
import type { NodeCondition, RegistryNode } from '../../port/index.js';

interface Entry {
  data: Uint8Array;
  owner: string | undefined;
  version: bigint;
  /** The number that the next sequential child gets. */
  sequence: number;
  readonly children: Set<string>;
}

/** What one transaction changed, net. */
export interface TreeChanges {
  /** Paths of nodes that came, went or were written. */
  readonly nodes: ReadonlySet<string>;
  /** Children that came and went, by directory. */
  readonly directories: ReadonlyMap<string, { readonly added: readonly string[]; readonly removed: readonly string[] }>;
}

/** A tree at one moment. */
export interface TreeCopy {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly version: bigint;
}

const EMPTY_DATA = new Uint8Array();

/** A tree of nodes with owners and versions: what a registry server holds, without sessions, watches and time. */
export class MemoryTree {
  readonly #entries = new Map<string, Entry>([['/', newEntry(undefined, EMPTY_DATA, 0n)]]);
  readonly #owned = new Map<string, Set<string>>();
  #version = 0n;
  /** Whether each path touched by the transaction under way was there before it. */
  #touched: Map<string, boolean> | undefined;

  /** Runs `work` as one transaction, which changes nothing if it throws, and tells what it changed. */
  transact<T>(work: () => T): { readonly result: T; readonly changes: TreeChanges } {
    this.#version += 1n;
    const touched = (this.#touched = new Map<string, boolean>());
    try {
      const result = work();
      return { result, changes: this.#net(touched) };
    } finally {
      this.#touched = undefined;
    }
  }

  read(path: string): RegistryNode | undefined {
    const entry = this.#entries.get(path);
    return entry && { path, data: new Uint8Array(entry.data), owner: entry.owner, version: entry.version };
  }

  list(path: string): readonly string[] {
    return [...(this.#entries.get(path)?.children ?? [])];
  }

  /** Every path there is, in no particular order. */
  paths(): IterableIterator<string> {
    return this.#entries.keys();
  }

  makeDirectory(path: string): void {
    if (this.#entries.has(path)) return;
    this.#makeParent(path);
    this.#add(path, undefined, EMPTY_DATA);
  }

  create(path: string, owner: string | undefined, data: Uint8Array = EMPTY_DATA, sequential = false): RegistryNode {
    const parent = this.#makeParent(path);
    const actual = sequential ? `${path}${String(parent.sequence++).padStart(10, '0')}` : path;
    if (this.#entries.has(actual)) throw new RegistryError('NODE_EXISTS', `${quoted(actual)} exists already.`);
    this.#add(actual, owner, data);
    return this.read(actual)!;
  }

  write(path: string, data: Uint8Array, condition: NodeCondition = {}): RegistryNode {
    const entry = this.#entries.get(path);
    if (!entry) throw new RegistryError('NO_NODE', `There is no node ${quoted(path)}.`);
    checkCondition(path, entry, condition);
    this.#touch(path);
    entry.data = new Uint8Array(data);
    entry.version = this.#version;
    return this.read(path)!;
  }

  remove(path: string, condition: NodeCondition = {}): boolean {
    if (path === '/') throw new RegistryError('INVALID_PATH', 'The root cannot be removed.');
    const entry = this.#entries.get(path);
    if (!entry) return false;
    checkCondition(path, entry, condition);
    if (entry.children.size > 0) throw new RegistryError('NOT_EMPTY', `${quoted(path)} has children.`);
    this.#touch(path);
    this.#entries.delete(path);
    if (entry.owner !== undefined) this.#owned.get(entry.owner)?.delete(path);
    this.#entries.get(parentOf(path))!.children.delete(nameOf(path));
    return true;
  }

  /** How many transactions there were: the position of whatever is seen now. */
  get position(): bigint {
    return this.#version;
  }

  /** The paths of the nodes that an owner has. */
  ownedBy(owner: string): readonly string[] {
    return [...(this.#owned.get(owner) ?? [])];
  }

  /** Copies everything. */
  copy(): TreeCopy {
    return { entries: copyOf(this.#entries), version: this.#version };
  }

  /** Becomes what it was when it was copied, its versions too; without a copy, empty and new. */
  restore(copy: TreeCopy = new MemoryTree().copy()): void {
    for (const path of [...this.#entries.keys(), ...copy.entries.keys()]) if (path !== '/') this.#touch(path);
    this.#entries.clear();
    this.#owned.clear();
    for (const [path, entry] of copyOf(copy.entries)) {
      this.#entries.set(path, entry);
      if (entry.owner !== undefined) this.#own(entry.owner, path);
    }
    this.#version = copy.version;
  }

  /** Removes a node and all that is below it. */
  removeTree(path: string): void {
    for (const name of this.list(path)) this.removeTree(childOf(path, name));
    if (path !== '/') this.remove(path);
  }

  /** Removes every node of an owner. */
  removeOwned(owner: string): void {
    for (const path of [...(this.#owned.get(owner) ?? [])]) this.remove(path);
    this.#owned.delete(owner);
  }

  #makeParent(path: string): Entry {
    const directory = parentOf(path);
    this.makeDirectory(directory);
    const parent = this.#entries.get(directory)!;
    if (parent.owner !== undefined) {
      throw new RegistryError('CONFLICT', `${quoted(directory)} is ephemeral and can have no children.`);
    }
    return parent;
  }

  #add(path: string, owner: string | undefined, data: Uint8Array): void {
    this.#touch(path);
    if (owner !== undefined) this.#own(owner, path);
    this.#entries.set(path, newEntry(owner, new Uint8Array(data), this.#version));
    this.#entries.get(parentOf(path))!.children.add(nameOf(path));
  }

  #own(owner: string, path: string): void {
    this.#owned.set(owner, (this.#owned.get(owner) ?? new Set()).add(path));
  }

  #touch(path: string): void {
    if (this.#touched && !this.#touched.has(path)) this.#touched.set(path, this.#entries.has(path));
  }

  #net(touched: ReadonlyMap<string, boolean>): TreeChanges {
    const directories = new Map<string, { added: string[]; removed: string[] }>();
    for (const [path, before] of touched) {
      const after = this.#entries.has(path);
      if (before === after) continue;
      const directory = parentOf(path);
      const change = directories.get(directory) ?? { added: [], removed: [] };
      directories.set(directory, change);
      (after ? change.added : change.removed).push(nameOf(path));
    }
    return { nodes: new Set(touched.keys()), directories };
  }
}

function copyOf(entries: ReadonlyMap<string, Entry>): Map<string, Entry> {
  return new Map(
    [...entries].map(([path, entry]) => [
      path,
      { ...entry, data: new Uint8Array(entry.data), children: new Set(entry.children) },
    ]),
  );
}

function newEntry(owner: string | undefined, data: Uint8Array, version: bigint): Entry {
  return { data, owner, version, sequence: 0, children: new Set() };
}

function checkCondition(path: string, entry: Entry, { version, owner }: NodeCondition): void {
  if (version !== undefined && version !== entry.version) {
    throw new RegistryError('CONFLICT', `${quoted(path)} has version ${entry.version}, not ${version}.`);
  }
  if (owner !== undefined && owner !== entry.owner) {
    throw new RegistryError('CONFLICT', `${quoted(path)} belongs to ${entry.owner ?? 'nobody'}, not to ${owner}.`);
  }
}
