import { of, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { whileConnected } from '../../lib/connection/index.js';
import type { ConnectionState, Session } from '../../lib/port/index.js';
import { fakeSession } from './fakeSession.js';

const SESSION = fakeSession('1');
const OTHER = fakeSession('2');
const cause = new Error('gone');

const STATES: Record<string, ConnectionState> = {
  k: { status: 'connecting', attempt: 1 },
  c: { status: 'connected', session: SESSION },
  d: { status: 'connected', session: OTHER },
  s: { status: 'suspended', session: SESSION, cause },
  l: { status: 'lost', cause, confirmed: true },
  x: { status: 'closed' },
};

describe('whileConnected', () => {
  let scheduler: TestScheduler;

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  it('runs the work anew for every connection, and drops it with the connection', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const states = hot('    k--c------s---c-------l-k-d---(x|)', STATES);
      const work = cold('        -r--t--u--v');
      const statesSubs = '    ^-----------------------------!';
      const workSubs = [
        '                     ---^------!',
        '                     --------------^-------!',
        '                     --------------------------^---!',
      ];
      const expected = '      ----r--t-------r--t--u-----r--|';
      expectObservable(states.pipe(whileConnected(() => work))).toBe(expected);
      expectSubscriptions(states.subscriptions).toBe(statesSubs);
      expectSubscriptions(work.subscriptions).toBe(workSubs);
    });
  });

  it('hands over the session of each connection, the same object when it was resumed', () => {
    scheduler.run(({ hot, flush }) => {
      const seen: Session[] = [];
      hot('k-c-s-c-l-k-d', STATES)
        .pipe(whileConnected((session) => of(seen.push(session))))
        .subscribe();
      flush();
      expect(seen).toEqual([SESSION, SESSION, OTHER]);
      expect(seen[0]).toBe(seen[1]);
    });
  });

  it('is silent while never connected', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const states = hot(' k-k-l-k-(x|)', STATES);
      const work = cold('  r');
      expectObservable(states.pipe(whileConnected(() => work))).toBe('--------|');
      expectSubscriptions(work.subscriptions).toBe([]);
    });
  });

  it('errors with the states, and drops the work', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const states = hot(' --c---#', STATES, cause);
      const work = cold('    -r');
      const workSubs = '   --^---!';
      const expected = '   ---r--#';
      expectObservable(states.pipe(whileConnected(() => work))).toBe(expected, undefined, cause);
      expectSubscriptions(work.subscriptions).toBe(workSubs);
    });
  });

  it('errors with the work, and drops the states', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const states = hot(' --c-----', STATES);
      const work = cold('    -r#', undefined, cause);
      const subs = '       ^---!';
      const expected = '   ---r#';
      expectObservable(states.pipe(whileConnected(() => work))).toBe(expected, undefined, cause);
      expectSubscriptions(states.subscriptions).toBe(subs);
    });
  });

  it('goes on after work that completed', () => {
    scheduler.run(({ cold, hot, expectObservable }) => {
      const states = hot(' c----s--c-----|', STATES);
      const work = cold('  a|');
      const expected = '   a-------a-----|';
      expectObservable(states.pipe(whileConnected(() => work))).toBe(expected);
    });
  });

  it('waits for the last work when the states complete without `closed`', () => {
    scheduler.run(({ cold, hot, expectObservable }) => {
      const states = hot(' c-|', STATES);
      const work = cold('  ----a|');
      const expected = '   ----a|';
      expectObservable(states.pipe(whileConnected(() => work))).toBe(expected);
    });
  });

  it('unsubscribed from, drops states and work', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const states = hot(' --c-----', STATES);
      const work = cold('    -r-r-r');
      const unsub = '      ^-----!';
      const expected = '   ---r-r-';
      const workSubs = '   --^---!';
      expectObservable(states.pipe(whileConnected(() => work)), unsub).toBe(expected);
      expectSubscriptions(states.subscriptions).toBe(unsub);
      expectSubscriptions(work.subscriptions).toBe(workSubs);
    });
  });

  it('takes whatever can be made an observable of, and an error thrown by the project', async () => {
    await expect(
      new Promise((resolve, reject) =>
        of(STATES.c!)
          .pipe(whileConnected(() => Promise.resolve('done')))
          .subscribe({ next: resolve, error: reject }),
      ),
    ).resolves.toBe('done');
    const errors: unknown[] = [];
    of(STATES.c!)
      .pipe(
        whileConnected(() => {
          throw cause;
        }),
      )
      .subscribe({ error: (error: unknown) => errors.push(error) });
    throwError(() => cause)
      .pipe(whileConnected(() => of(1)))
      .subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([cause, cause]);
  });
});
