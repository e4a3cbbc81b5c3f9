import { of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../../lib/backends/etcd/turns.js';

function stage() {
  const turns = new Turns();
  const begun: string[] = [];
  const take = (name: string, ...keys: string[]) => {
    const work = new Subject<never>();
    const begin = () => {
      begun.push(name);
      return work;
    };
    return { work, subscription: turns.take(keys, begin).subscribe({ error: () => undefined }) };
  };
  return { turns, begun, take };
}

describe('turns', () => {
  it('are taken in the order of asking, one at a time for each key', () => {
    const { begun, take } = stage();
    const first = take('first', 'a');
    take('second', 'a');
    take('other', 'b');
    expect(begun).toEqual(['first', 'other']);
    first.work.complete();
    expect(begun).toEqual(['first', 'other', 'second']);
  });

  it('pass on when a work fails, and when the one whose turn it is leaves', () => {
    const { begun, take } = stage();
    const [fails, leaves] = [take('fails', 'a'), take('leaves', 'a')];
    take('last', 'a');
    fails.work.error(new Error('no'));
    expect(begun).toEqual(['fails', 'leaves']);
    leaves.subscription.unsubscribe();
    expect(begun).toEqual(['fails', 'leaves', 'last']);
  });

  it('do not pass on when one that waits leaves', () => {
    const { begun, take } = stage();
    const first = take('first', 'a');
    take('waits', 'a').subscription.unsubscribe();
    take('last', 'a');
    expect(begun).toEqual(['first']);
    first.work.complete();
    expect(begun).toEqual(['first', 'last']);
  });

  it('of several keys come when it is the turn of each, and no two wait for each other', () => {
    const { begun, take } = stage();
    const first = take('first', 'a');
    const both = take('both', 'a', 'b');
    const back = take('back', 'b', 'a');
    take('last', 'b');
    expect(begun).toEqual(['first']);
    first.work.complete();
    expect(begun).toEqual(['first', 'both']);
    both.work.complete();
    expect(begun).toEqual(['first', 'both', 'back']);
    back.work.complete();
    expect(begun).toEqual(['first', 'both', 'back', 'last']);
  });

  it('are over at once for a work that is, whatever becomes of it', () => {
    const { turns, begun, take } = stage();
    const told: unknown[] = [];
    turns.take(['a'], () => of(1)).subscribe((value) => told.push(value));
    const failure = new Error('no');
    turns.take(['a'], () => throwError(() => failure)).subscribe({ error: (error: unknown) => told.push(error) });
    turns
      .take(['a'], () => {
        throw failure;
      })
      .subscribe({ error: (error: unknown) => told.push(error) });
    take('next', 'a');
    expect(told).toEqual([1, failure, failure]);
    expect(begun).toEqual(['next']);
  });
});
