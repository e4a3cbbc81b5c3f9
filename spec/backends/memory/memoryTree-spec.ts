import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryTree, type TreeChanges } from '../../../lib/backends/memory/memoryTree.js';
import { RegistryError } from '../../../lib/errors.js';
import { childOf, parentOf } from '../../../lib/internal/path.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('MemoryTree', () => {
  let tree: MemoryTree;

  beforeEach(() => {
    tree = new MemoryTree();
  });

  const code = (work: () => unknown): string => {
    try {
      tree.transact(work);
    } catch (error) {
      return error instanceof RegistryError ? error.code : String(error);
    }
    return 'none';
  };
  const paths = () => [...tree.paths()].sort();

  it('makes a node and the directories above it', () => {
    tree.transact(() => tree.create('/a/b/c', 's', bytes('x')));
    expect(paths()).toEqual(['/', '/a', '/a/b', '/a/b/c']);
    expect(tree.read('/a/b/c')).toMatchObject({ owner: 's', data: bytes('x') });
    expect(tree.read('/a/b')).toMatchObject({ owner: undefined, data: bytes('') });
    expect(tree.list('/a')).toEqual(['b']);
    expect(tree.list('/nowhere')).toEqual([]);
    expect(tree.read('/nowhere')).toBeUndefined();
  });

  it('numbers sequential nodes, and never gives a number twice', () => {
    const make = () => tree.transact(() => tree.create('/q/n', undefined, undefined, true)).result.path;
    expect([make(), make()]).toEqual(['/q/n0000000000', '/q/n0000000001']);
    tree.transact(() => tree.remove('/q/n0000000001'));
    expect(make()).toBe('/q/n0000000002');
  });

  it('a version rises with every write, also when a node is removed and made again', () => {
    const versions = [
      tree.transact(() => tree.create('/a', undefined)).result.version,
      tree.transact(() => tree.write('/a', bytes('1'))).result.version,
      tree.transact(() => (tree.remove('/a'), tree.create('/a', undefined))).result.version,
    ];
    expect(versions).toEqual([...versions].sort());
    expect(new Set(versions).size).toBe(3);
  });

  it('refuses what cannot be, and changes nothing then', () => {
    tree.transact(() => tree.create('/a/b', 's'));
    const before = paths();
    const version = tree.read('/a/b')!.version;
    expect(code(() => tree.create('/a/b', undefined))).toBe('NODE_EXISTS');
    expect(code(() => tree.create('/', undefined))).toBe('NODE_EXISTS');
    expect(code(() => tree.remove('/a'))).toBe('NOT_EMPTY');
    expect(code(() => tree.remove('/'))).toBe('INVALID_PATH');
    expect(code(() => tree.write('/x', bytes('')))).toBe('NO_NODE');
    expect(code(() => tree.write('/a/b', bytes(''), { version: version + 1n }))).toBe('CONFLICT');
    expect(code(() => tree.remove('/a/b', { owner: 'other' }))).toBe('CONFLICT');
    expect(code(() => tree.remove('/a/b', { version: 0n }))).toBe('CONFLICT');
    expect(paths()).toEqual(before);
    expect(tree.read('/a/b')!.version).toBe(version);
    expect(tree.remove('/x')).toBe(false);
  });

  it('no node stands below one that may go with its owner, however deep', () => {
    tree.transact(() => tree.create('/e', 's'));
    expect(code(() => tree.create('/e/a', undefined))).toBe('CONFLICT');
    expect(code(() => tree.create('/e/a/b/c', undefined))).toBe('CONFLICT');
    expect(code(() => tree.makeDirectory('/e/a/b'))).toBe('CONFLICT');
    expect(paths()).toEqual(['/', '/e']);
    tree.transact(() => tree.removeOwned('s'));
    expect(paths()).toEqual(['/']);
  });

  it('an owner’s end takes its nodes, and no other', () => {
    tree.transact(() => tree.create('/d/mine', 's'));
    tree.transact(() => tree.create('/d/other', 't'));
    tree.transact(() => tree.create('/d/moved', 's'));
    tree.transact(() => (tree.remove('/d/moved'), tree.create('/d/moved', 't')));
    const { changes } = tree.transact(() => tree.removeOwned('s'));
    expect(tree.list('/d').toSorted()).toEqual(['moved', 'other']);
    expect([...changes.directories]).toEqual([['/d', { added: [], removed: ['mine'] }]]);
  });

  it('tells what a transaction changed, net: no flap for what was replaced within it', () => {
    tree.transact(() => tree.create('/d/a', 's'));
    const { changes } = tree.transact(() => (tree.remove('/d/a'), tree.create('/d/a', 't')));
    expect([...changes.nodes]).toEqual(['/d/a']);
    expect([...changes.directories]).toEqual([]);
  });

  it('keeps its data for itself', () => {
    const data = bytes('abc');
    tree.transact(() => tree.create('/a', undefined, data));
    data[0] = 0;
    tree.read('/a')!.data[1] = 0;
    expect(tree.read('/a')!.data).toEqual(bytes('abc'));
  });

  it('is a tree after any history, and its changes add up to it', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 })
      .map((segments) => `/${segments.join('/')}`);
    const owner = fc.constantFrom(undefined, 's', 't');
    const step = fc.oneof(
      fc.tuple(fc.constant('create' as const), path, owner),
      fc.tuple(fc.constant('remove' as const), path),
      fc.tuple(fc.constant('removeTree' as const), path),
      fc.tuple(fc.constant('removeOwned' as const), fc.constantFrom('s', 't')),
      fc.tuple(fc.constant('makeDirectory' as const), path),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (history) => {
        tree = new MemoryTree();
        const known = new Map<string, Set<string>>();
        for (const [what, target, by] of history) {
          let changes: TreeChanges | undefined;
          try {
            ({ changes } = tree.transact<unknown>(() =>
              what === 'create' ? tree.create(target, by) : tree[what](target),
            ));
          } catch (error) {
            expect(error).toBeInstanceOf(RegistryError);
          }
          for (const [directory, { added, removed }] of changes?.directories ?? []) {
            const names = known.get(directory) ?? new Set();
            known.set(directory, names);
            for (const name of removed) expect(names.delete(name)).toBe(true);
            for (const name of added) expect(names.has(name) || !names.add(name)).toBe(false);
          }
          for (const each of tree.paths()) {
            expect(tree.read(parentOf(each))).toBeDefined();
            expect(new Set(tree.list(each))).toEqual(known.get(each) ?? new Set());
            for (const name of tree.list(each)) expect(tree.read(childOf(each, name))).toBeDefined();
            if (tree.read(each)!.owner !== undefined) expect(tree.list(each)).toEqual([]);
          }
        }
      }),
    );
  });
});
