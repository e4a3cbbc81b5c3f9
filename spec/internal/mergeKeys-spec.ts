import { map, NEVER, Observable, of, Subject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { countWork } from '../operators/support/countWork.js';
import { type KeyChange, type KeyEvent, mergeKeys } from '../../lib/internal/mergeKeys.js';

/** Changes of a set: a small letter comes, a capital goes. */
const CHANGES: Record<string, KeyChange<string>> = {
  0: { added: [], gone: [] },
  a: { added: ['a'], gone: [] },
  A: { added: [], gone: ['a'] },
  b: { added: ['b'], gone: [] },
  B: { added: [], gone: ['b'] },
  x: { added: ['a', 'b'], gone: [] },
};

describe('mergeKeys', () => {
  let scheduler: TestScheduler;

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  /** The values as they are, a change of the keys as `K`. */
  const values = (source: Observable<KeyChange<string>>, work: Record<string, Observable<string>>) =>
    source.pipe(
      mergeKeys((key) => work[key]!),
      map((event: KeyEvent<string, string>) => (event.type === 'keys' ? 'K' : event.value)),
    );

  it('runs the work of each key as long as the key is in the set', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const sets = hot('    --a----b-----A------', CHANGES);
      const a = cold('        -1----2---3-       ');
      const b = cold('             --4-------5-  ');
      const unsub = '       ^------------------!';
      const expected = '    --K1---K24--3K---5--';
      const subsA = '       --^----------!';
      const subsB = '       -------^-----------!';
      expectObservable(values(sets, { a, b }), unsub).toBe(expected);
      expectSubscriptions(sets.subscriptions).toBe(unsub);
      expectSubscriptions(a.subscriptions).toBe(subsA);
      expectSubscriptions(b.subscriptions).toBe(subsB);
    });
  });

  it('begins the work anew for a key that comes back', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const sets = hot('    a--A--a-', CHANGES);
      const a = cold('      -1      ');
      const unsub = '       ^-------!';
      const subs = ['       ^--!', '------^-!'];
      const expected = '    K1-K--K1-';
      expectObservable(values(sets, { a }), unsub).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe(subs);
    });
  });

  it('tells the keys before anything of a key that is new, also when the work is at once', () => {
    scheduler.run(({ cold, hot, expectObservable }) => {
      const sets = hot('    -x-----', CHANGES);
      const a = cold('       1');
      const b = cold('       2');
      const unsub = '       ^------!';
      const expected = '    -(K12)--';
      expectObservable(values(sets, { a, b }), unsub).toBe(expected);
    });
  });

  it('tells which keys are gone', () => {
    const gone: (readonly string[])[] = [];
    scheduler.run(({ cold, hot, flush }) => {
      hot('x-A-0-B-a', CHANGES)
        .pipe(mergeKeys(() => cold('-')))
        .subscribe((event) => event.type === 'keys' && gone.push(event.gone));
      flush();
    });
    expect(gone).toEqual([[], ['a'], [], ['b'], []]);
  });

  it('asks nothing of the other keys when one comes and goes', () => {
    const COUNT = 1_000;
    const changes = new Subject<KeyChange<number>>();
    const counted = { begun: 0, ended: 0 };
    const told: number[] = [];
    const work = (): Observable<never> =>
      new Observable(() => {
        counted.begun += 1;
        return () => (counted.ended += 1);
      });
    changes.pipe(mergeKeys(work)).subscribe((event) => {
      if (event.type === 'keys') told.push(event.added.length + event.gone.length);
    });
    changes.next({ added: Array.from({ length: COUNT }, (_, key) => key), gone: [] });
    for (let key = COUNT; key < 2 * COUNT; key += 1) {
      changes.next({ added: [key], gone: [key - COUNT] });
    }
    expect(counted).toEqual({ begun: 2 * COUNT, ended: COUNT });
    expect(Math.max(...told.slice(1))).toBe(2);
  });

  it('completes with the last of the set and the work', () => {
    scheduler.run(({ cold, hot, expectObservable }) => {
      const sets = hot('    a-|', CHANGES);
      const a = cold('      ---1|');
      const expected = '    K--1|';
      expectObservable(values(sets, { a })).toBe(expected);
    });
  });

  it('completes with an empty source, and is silent with one that never emits', () => {
    scheduler.run(({ cold, expectObservable }) => {
      expectObservable(values(cold<KeyChange<string>>('--|'), {})).toBe('--|');
      expectObservable(values(cold<KeyChange<string>>('---'), {}), '--!').toBe('---');
    });
  });

  it('errors with the work of one key, and drops the others', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const sets = hot('    x----', CHANGES);
      const a = cold('      --#');
      const b = cold('      -1-2');
      const subs = '        ^-!';
      const expected = '    K1#';
      expectObservable(values(sets, { a, b })).toBe(expected);
      expectSubscriptions(b.subscriptions).toBe(subs);
      expectSubscriptions(sets.subscriptions).toBe(subs);
    });
  });

  it('errors with the source, and drops the work', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const sets = hot('    a--#', CHANGES);
      const a = cold('      -1--2');
      const subs = '        ^--!';
      const expected = '    K1-#';
      expectObservable(values(sets, { a })).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe(subs);
    });
  });

  it('takes any number of keys at once', () => {
    const added = Array.from({ length: 200_000 }, (_, index) => index);
    let events = 0;
    of<KeyChange<number>>({ added, gone: [] })
      .pipe(mergeKeys((key: number) => of(key)))
      .subscribe(() => (events += 1));
    expect(events).toBe(200_001);
  });

  it('bounded load: a change does not touch the keys that stay', () => {
    const changes = new Subject<KeyChange<number>>();
    changes.pipe(mergeKeys(() => NEVER)).subscribe();
    changes.next({ added: Array.from({ length: 10_000 }, (_, index) => index), gone: [] });
    expect(countWork(() => changes.next({ added: [10_000], gone: [7] }))).toBeLessThan(100);
  });

  it('never begins what is gone again before its turn', () => {
    const changes = new Subject<KeyChange<string>>();
    const begun: string[] = [];
    changes
      .pipe(
        mergeKeys((key) => {
          begun.push(key);
          return NEVER;
        }),
      )
      .subscribe((event) => {
        if (event.type === 'keys' && event.added.includes('a')) changes.next({ added: [], gone: ['a'] });
      });
    changes.next({ added: ['a'], gone: [] });
    expect(begun).toEqual([]);
  });
});
