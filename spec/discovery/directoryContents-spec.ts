import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { DirectoryContents } from '../../lib/discovery/directoryContents.js';
import type { DirectoryChange } from '../../lib/port/index.js';

const CHANGES: Readonly<Record<string, (names: readonly string[]) => DirectoryChange>> = {
  'a change': () => ({ type: 'delta', added: [], removed: ['bad'] }),
  'a snapshot': (names) => ({ type: 'snapshot', names: names.filter((name) => name !== 'bad') }),
};

describe('a name that cannot be read', () => {
  it.each(Object.keys(CHANGES))('is forgotten when %s says that it is gone, and reported when it comes back', (how) => {
    const reported: string[] = [];
    const contents = new DirectoryContents<string>('/d', {
      read: (name) => {
        if (name === 'bad') throw new Error('unreadable');
        return name;
      },
      onUnreadable: (path) => reported.push(path),
      scheduler: new VirtualTimeScheduler(),
    });
    const take = (change: DirectoryChange): void => void contents.apply(change).subscribe();
    take({ type: 'snapshot', names: ['good', 'bad'] });
    // It is not reported again for as long as it stays.
    take({ type: 'snapshot', names: ['good', 'bad'] });
    expect(reported).toEqual(['/d/bad']);
    take(CHANGES[how]!(['good', 'bad']));
    take({ type: 'delta', added: ['bad'], removed: [] });
    expect(reported).toEqual(['/d/bad', '/d/bad']);
    expect([...contents.present.keys()]).toEqual(['good']);
  });
});
