import { concat, defer, NEVER, of, type Observable, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { isFatalError, retryWithBackoff } from '../../lib/connection/index.js';
import { InvalidOptionError, RegistryError } from '../../lib/errors.js';

const PASSING = new RegistryError('CONNECTION_LOST', 'gone');
const FATAL = new RegistryError('NOT_AUTHORIZED', 'no');

describe('retryWithBackoff', () => {
  let scheduler: TestScheduler;

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  /** Waits 4, 8, 16, 16, … frames. */
  const retry = <T>() => retryWithBackoff<T>({ baseMs: 4, maxMs: 16, random: () => 1, scheduler });

  it('is silent for a source that never emits', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-------');
      const unsub = '      -----!';
      expectObservable(source.pipe(retry()), unsub).toBe('------');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    });
  });

  it('completes with an empty source', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('|');
      expectObservable(source.pipe(retry())).toBe('|');
      expectSubscriptions(source.subscriptions).toBe('(^!)');
    });
  });

  it('passes values through and completes with the source', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-|');
      const subs = '       ^----!';
      const expected = '   -a-b-|';
      expectObservable(source.pipe(retry())).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('subscribes again after waits that double up to the maximum', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -#', undefined, PASSING);
      const unsub = '        ^----------------------------------------------------------!';
      const subs = [
        '                    ^!',
        '                    -----^!',
        '                    --------------^!',
        '                    -------------------------------^!',
        '                    ------------------------------------------------^!',
      ];
      expectObservable(source.pipe(retry()), unsub).toBe('-');
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('begins with the shortest wait again after a value', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const runs = [
        cold('               #', undefined, PASSING),
        cold('                   #', undefined, PASSING),
        cold('                           a#', undefined, PASSING),
        cold('                                b|'),
      ];
      const expected = '     ------------a----b|';
      let run = 0;
      expectObservable(defer(() => runs[run++]!).pipe(retry())).toBe(expected);
      expectSubscriptions(runs[1]!.subscriptions).toBe('----(^!)');
      expectSubscriptions(runs[2]!.subscriptions).toBe('------------^!');
      expectSubscriptions(runs[3]!.subscriptions).toBe('-----------------^!');
    });
  });

  it('errors at once with what is fatal', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-#', undefined, FATAL);
      const subs = '       ^--!';
      const expected = '   -a-#';
      expectObservable(source.pipe(retry())).toBe(expected, undefined, FATAL);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('takes the caller’s word for what is fatal', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const source = cold('-#', undefined, 'enough');
      const isFatal = (error: unknown): boolean => error === 'enough';
      expectObservable(source.pipe(retryWithBackoff({ isFatal, scheduler }))).toBe('-#', undefined, 'enough');
    });
  });

  it('stops the wait, and all after it, when it is unsubscribed from', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-#', undefined, PASSING);
      const unsub = '      ---!';
      expectObservable(source.pipe(retry()), unsub).toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^!');
    });
    expect(scheduler.actions).toEqual([]);
  });

  it('tells of each failure with the number of the attempt and the wait', () => {
    scheduler.run(({ flush }) => {
      const told: string[] = [];
      const onRetry = (_error: unknown, attempt: number, waitMs: number): void =>
        void told.push(`${attempt}:${waitMs}`);
      const failTwice = (): Observable<string> => {
        let left = 2;
        return defer(() => (left-- > 0 ? throwError(() => PASSING) : of('done')));
      };
      const retrying = failTwice().pipe(retryWithBackoff({ baseMs: 4, random: () => 1, onRetry, scheduler }));
      retrying.subscribe();
      flush();
      expect(told).toEqual(['1:4', '2:8']);
    });
  });

  it('is transparent to what comes before an error', () => {
    scheduler.run(({ expectObservable }) => {
      const source = concat(
        of('a'),
        throwError(() => FATAL),
      );
      expectObservable(source.pipe(retry())).toBe('(a#)', undefined, FATAL);
      expectObservable(NEVER.pipe(retry()), '-!').toBe('--');
    });
  });

  it('refuses options out of range before anything is subscribed to', () => {
    expect(() => retryWithBackoff({ baseMs: 0 })).toThrow(InvalidOptionError);
  });
});

describe('isFatalError', () => {
  it('is true only for errors of this package that say that trying again cannot help', () => {
    expect(isFatalError(FATAL)).toBe(true);
    expect(isFatalError(PASSING)).toBe(false);
    expect(isFatalError(new Error('whatever'))).toBe(false);
    expect(isFatalError('text')).toBe(false);
    expect(isFatalError(undefined)).toBe(false);
  });
});
