import { describe, expect, it } from 'vitest';
import { DirectoryView } from '../../../lib/backends/zookeeper/directoryView.js';
import type { NodeEvent } from '../../../lib/backends/zookeeper/treeWatches.js';
import type { NodeStat } from '../../../lib/backends/zookeeper/wire.js';

const created = (name: string): NodeEvent => ({ type: 'created', path: `/d/${name}` });
const deleted = (name: string): NodeEvent => ({ type: 'deleted', path: `/d/${name}` });

/** What the directory is after so many changes of children since it was made by that transaction. */
function stat(childChanges: number, madeBy = 1n): NodeStat {
  return { owner: undefined, zxid: madeBy, madeBy, dataVersion: 0, childChanges };
}

function viewOf(...names: string[]): DirectoryView {
  const view = new DirectoryView('/d');
  view.begin({ names, stat: stat(10) });
  return view;
}

describe('DirectoryView', () => {
  it('begins with all there is', () => {
    const view = new DirectoryView('/d');
    expect(view.next).toBe('read');
    expect(view.begin({ names: ['a', 'b'], stat: stat(10) })).toEqual({ type: 'snapshot', names: ['a', 'b'] });
    expect(view.next).toBeUndefined();
  });

  it('believes that a node is gone once the server has answered later', () => {
    const view = viewOf('a', 'b');
    view.record(deleted('a'));
    expect(view.next).toBe('check');
    expect(view.news()).toBeUndefined();
    view.ask();
    expect(view.next).toBeUndefined();
    expect(view.settle(stat(11))).toEqual({ type: 'delta', added: [], removed: ['a'] });
    view.record(deleted('b'));
    expect(view.next).toBe('check');
  });

  it('takes a node that goes and comes back for one that was never gone', () => {
    const view = viewOf('a');
    view.record(deleted('a'));
    view.ask();
    view.record(created('a'));
    expect(view.settle(stat(12))).toBeUndefined();
    expect(view.news()).toBeUndefined();
    expect(view.next).toBeUndefined();
  });

  it('tells at once what comes, and nothing of what goes before it was told', () => {
    const view = viewOf();
    view.record(created('a'));
    view.record(created('b'));
    view.record(deleted('b'));
    expect(view.news()).toEqual({ type: 'delta', added: ['a'], removed: [] });
    expect(view.next).toBeUndefined();
  });

  it('leaves alone what happens to content, further down, beside it and above', () => {
    const view = viewOf('a');
    for (const path of ['/d/a/b', '/dd', '/']) view.record({ type: 'deleted', path });
    view.record({ type: 'changed', path: '/d/a' });
    view.record({ type: 'created', path: '/d/a/b' });
    expect(view.next).toBeUndefined();
    expect(view.news()).toBeUndefined();
  });

  it('is checked after a change that was told, and not read again', () => {
    const view = viewOf('a');
    view.record(created('b'));
    view.stir();
    expect(view.next).toBe('check');
    view.ask();
    view.settle(stat(11));
    expect(view.next).toBeUndefined();
  });

  it('is read again after a change that was not told, and says so if it is another by then', () => {
    const view = viewOf('a');
    view.stir();
    expect(view.next).toBe('read');
    view.ask();
    expect(view.begin({ names: ['a', 'b'], stat: stat(11) })).toEqual({
      type: 'snapshot',
      names: ['a', 'b'],
      withheld: true,
    });
    view.stir();
    view.ask();
    expect(view.begin({ names: ['a', 'b'], stat: stat(13) })).toBeUndefined();
    expect(view.next).toBeUndefined();
  });

  it.each([
    ['there were more changes than were told', stat(12)],
    ['there was another directory by then', stat(11, 2n)],
    ['there is none', undefined],
  ])('is read again, and what seems to be gone is not believed, where %s', (_, answer) => {
    const view = viewOf('a', 'b');
    view.record(deleted('a'));
    view.ask();
    expect(view.settle(answer)).toBeUndefined();
    expect(view.next).toBe('read');
    // It was removed and made anew by somebody whose nodes we may not read.
    expect(view.begin({ names: ['a', 'b'], stat: stat(12) })).toMatchObject({ names: ['a', 'b'], withheld: true });
  });

  it('is read again when the directory itself comes or goes, and tells what has changed', () => {
    const view = viewOf('a');
    view.record(deleted('a'));
    view.record({ type: 'deleted', path: '/d' });
    expect(view.next).toBe('read');
    expect(view.begin(undefined)).toEqual({ type: 'delta', added: [], removed: ['a'] });
    expect(view.next).toBeUndefined();
    view.record({ type: 'created', path: '/d' });
    view.record(created('b'));
    expect(view.news()).toEqual({ type: 'delta', added: ['b'], removed: [] });
    expect(view.begin({ names: ['b'], stat: stat(1, 2n) })).toBeUndefined();
    expect(view.next).toBeUndefined();
  });

  it('is checked after it was read, if children changed meanwhile: the watch that said so has to be set again', () => {
    const view = new DirectoryView('/d');
    view.ask();
    view.stir();
    view.begin({ names: ['a'], stat: stat(10) });
    expect(view.next).toBe('check');
  });

  it('counts on after the largest number', () => {
    const view = new DirectoryView('/d');
    view.begin({ names: ['a'], stat: stat(2_147_483_647) });
    view.record(deleted('a'));
    view.ask();
    expect(view.settle(stat(-2_147_483_648))).toMatchObject({ removed: ['a'] });
  });
});
