import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEvents } from '../../../lib/backends/etcd/directoryWatch.js';
import { below, keyOf } from '../../../lib/backends/etcd/keys.js';
import type { KeyEvent } from '../../../lib/backends/etcd/watchStream.js';

const range = below('/d');
const event = (type: KeyEvent['type'], name: string): KeyEvent => ({
  type,
  state: { key: keyOf(`/d/${name}`), value: Buffer.alloc(0), revision: 1n, madeAt: 1n, writes: 1n, lease: '0' },
});

describe('applyEvents', () => {
  it('tells net what a batch changed: a node that goes and comes back within it was never gone', () => {
    const names = new Set(['a', 'b']);
    const events = [
      event('delete', 'a'),
      event('put', 'a'),
      event('put', 'c'),
      event('delete', 'c'),
      event('put', 'd'),
    ];
    expect(applyEvents(names, range, events)).toEqual({ type: 'delta', added: ['d'], removed: [] });
    expect([...names]).toEqual(['b', 'a', 'd']);
  });

  it('tells nothing of content, of grandchildren and of what was not there', () => {
    expect(applyEvents(new Set(['a']), range, [event('put', 'a'), event('put', 'a/b'), event('delete', 'x')])).toBe(
      undefined,
    );
  });

  it('leads from what was to what is', () => {
    const events = fc.array(
      fc.tuple(fc.constantFrom<KeyEvent['type']>('put', 'delete'), fc.constantFrom('a', 'b', 'c', 'd')),
    );
    fc.assert(
      fc.property(fc.subarray(['a', 'b', 'c', 'd']), events, (before, batch) => {
        const names = new Set(before);
        const change = applyEvents(
          names,
          range,
          batch.map(([type, name]) => event(type, name)),
        );
        const told = new Set(before);
        if (change?.type === 'delta') {
          for (const name of change.added) expect(told.has(name) || !told.add(name)).toBe(false);
          for (const name of change.removed) expect(told.delete(name)).toBe(true);
          expect(change.added.length + change.removed.length).toBeGreaterThan(0);
        }
        expect([...told].sort()).toEqual([...names].sort());
      }),
    );
  });
});
