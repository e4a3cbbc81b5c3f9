import { Observable, Subject, take } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UnfinishedWatches } from '../../../lib/backends/zookeeper/unfinishedWatches.js';

const GRACE_MS = 1_000;

describe('UnfinishedWatches', () => {
  let watches: UnfinishedWatches<string>;
  let answers: Subject<string>;
  let asked: number;
  let left: number;
  const source = new Observable<string>((subscriber) => {
    asked += 1;
    answers = new Subject();
    const subscription = answers.subscribe(subscriber);
    return () => {
      left += 1;
      subscription.unsubscribe();
    };
  });

  beforeEach(() => {
    vi.useFakeTimers();
    watches = new UnfinishedWatches(GRACE_MS);
    asked = left = 0;
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const watch = (name = 'd'): { readonly told: string[]; readonly stop: () => void; error: unknown } => {
    const seen = { told: [] as string[], error: undefined as unknown, stop: (): void => subscription.unsubscribe() };
    const subscription = watches.watch(name, source).subscribe({
      next: (value) => seen.told.push(value),
      error: (error: unknown) => (seen.error = error),
    });
    return seen;
  };

  it('are watches like others: each is its own, and ends with its subscription', () => {
    const one = watch();
    answers.next('a');
    const other = watch();
    answers.next('b');
    expect([one.told, other.told, asked]).toEqual([['a'], ['b'], 2]);
    one.stop();
    other.stop();
    expect(left).toBe(2);
  });

  it('that are left by their subscribers are ended, answered or not', () => {
    watch().stop();
    expect(left).toBe(1);
  });

  it('that were left unanswered when the session was given up are handed on, with all they told meanwhile', () => {
    const one = watch();
    watches.keep();
    one.stop();
    expect(left).toBe(0);
    answers.next('snapshot');
    answers.next('delta');
    vi.advanceTimersByTime(GRACE_MS - 1);
    const other = watch();
    expect([other.told, asked]).toEqual([['snapshot', 'delta'], 1]);
    answers.next('more');
    expect(other.told).toEqual(['snapshot', 'delta', 'more']);
    vi.advanceTimersByTime(10);
    other.stop();
    expect([one.told, left]).toEqual([[], 1]);
  });

  it('may be taken over before they are answered, too', () => {
    const one = watch();
    watches.keep();
    one.stop();
    const other = watch();
    answers.next('snapshot');
    expect([other.told, asked]).toEqual([['snapshot'], 1]);
    other.stop();
    expect(left).toBe(1);
  });

  it('that were answered before are ended: what they told was heard', () => {
    const one = watch();
    answers.next('snapshot');
    watches.keep();
    one.stop();
    expect(left).toBe(1);
  });

  it('end if nobody asks for the same in time', () => {
    const one = watch();
    watches.keep();
    one.stop();
    answers.next('snapshot');
    vi.advanceTimersByTime(GRACE_MS);
    expect(left).toBe(1);
    watch().stop();
    expect(asked).toBe(2);
  });

  it('end with the connection', () => {
    const one = watch();
    watches.keep();
    one.stop();
    answers.error(new Error('over'));
    const other = watch();
    expect([other.error, asked]).toEqual([undefined, 2]);
    other.stop();
  });

  it('tell of an end that comes later', () => {
    const one = watch();
    const over = new Error('over');
    answers.error(over);
    expect(one.error).toBe(over);
  });

  it('end for a subscriber that wanted no more than was told already', () => {
    const one = watch();
    watches.keep();
    one.stop();
    answers.next('snapshot');
    const told: string[] = [];
    watches
      .watch('d', source)
      .pipe(take(1))
      .subscribe((value) => told.push(value));
    expect([told, left]).toEqual([['snapshot'], 1]);
    vi.advanceTimersByTime(GRACE_MS);
  });
});
