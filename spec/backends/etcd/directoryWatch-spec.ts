import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEvents, type Children } from '../../../lib/backends/etcd/directoryWatch.js';
import { below, keyOf } from '../../../lib/backends/etcd/keys.js';
import type { KeyEvent } from '../../../lib/backends/etcd/watchStream.js';

const range = below('/d', true);
/** What happens to one key: it is made, written again, or removed. */
type What = 'made' | 'written' | 'removed';
const event = (what: What, name: string): KeyEvent => ({
  type: what === 'removed' ? 'delete' : 'put',
  state: {
    ...{ key: keyOf(`/d/${name}`), value: Buffer.alloc(0), revision: 1n, madeAt: 1n, lease: '0' },
    writes: { made: 1n, written: 2n, removed: 0n }[what],
  },
});
const childrenOf = (keys: Iterable<string>): Children => {
  const children: Children = new Map();
  for (const key of keys) {
    const name = key.split('/')[0]!;
    children.set(name, (children.get(name) ?? 0) + 1);
  }
  return children;
};

describe('applyEvents', () => {
  it('tells net what a batch changed: a node that goes and comes back within it was never gone', () => {
    const children = childrenOf(['a', 'b']);
    const events = [
      event('removed', 'a'),
      event('made', 'a'),
      event('made', 'c'),
      event('removed', 'c'),
      event('made', 'd'),
    ];
    expect(applyEvents(children, range, events)).toEqual({ type: 'delta', added: ['d'], removed: [] });
    expect([...children.keys()]).toEqual(['b', 'a', 'd']);
  });

  it('tells nothing of content, of further keys below a child, and of what was not there', () => {
    const events = [event('written', 'a'), event('made', 'a/b'), event('removed', 'a/b'), event('removed', 'x')];
    expect(applyEvents(childrenOf(['a']), range, events)).toBeUndefined();
  });

  it('tells of a child that has no key of its own with the first and the last key below it', () => {
    const children = childrenOf([]);
    const told = (what: What, name: string) => applyEvents(children, range, [event(what, name)]);
    expect(told('made', 'a/x/1')).toEqual({ type: 'delta', added: ['a'], removed: [] });
    expect(told('made', 'a/x/2')).toBeUndefined();
    expect(told('removed', 'a/x/1')).toBeUndefined();
    expect(told('removed', 'a/x/2')).toEqual({ type: 'delta', added: [], removed: ['a'] });
  });

  it('leads from what was to what is', () => {
    const keys = ['a', 'a/1', 'a/2', 'b', 'c/1', 'd'];
    const toggles = fc.array(fc.tuple(fc.constantFrom(...keys), fc.boolean()));
    fc.assert(
      fc.property(fc.subarray(keys), toggles, (before, batch) => {
        const present = new Set(before);
        const children = childrenOf(before);
        const told = new Set(children.keys());
        const events = batch.map(([key, write]) => {
          if (!present.has(key)) present.add(key);
          else if (write) return event('written', key);
          else return present.delete(key) && event('removed', key);
          return event('made', key);
        });
        const change = applyEvents(children, range, events as KeyEvent[]);
        if (change?.type === 'delta') {
          for (const name of change.added) expect(told.has(name) || !told.add(name)).toBe(false);
          for (const name of change.removed) expect(told.delete(name)).toBe(true);
          expect(change.added.length + change.removed.length).toBeGreaterThan(0);
        }
        expect(children).toEqual(childrenOf(present));
        expect([...told].sort()).toEqual([...children.keys()].sort());
      }),
    );
  });
});
