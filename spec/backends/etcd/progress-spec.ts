import { describe, expect, it } from 'vitest';
import { Progress } from '../../../lib/backends/etcd/progress.js';

describe('Progress', () => {
  it('lets those go on who wait for no more than what was told', () => {
    const progress = new Progress();
    const done: string[] = [];
    progress.reached(3n).subscribe({ complete: () => done.push('three') });
    progress.reached(5n).subscribe({ complete: () => done.push('five') });
    progress.reach(4n);
    expect(done).toEqual(['three']);
    progress.reached(4n).subscribe({ complete: () => done.push('four') });
    expect(done).toEqual(['three', 'four']);
  });

  it('keeps nobody waiting once it is over', () => {
    const progress = new Progress();
    const done: string[] = [];
    progress.reached(3n).subscribe({ complete: () => done.push('before') });
    progress.end();
    progress.reached(9n).subscribe({ complete: () => done.push('after') });
    expect(done).toEqual(['before', 'after']);
  });
});
