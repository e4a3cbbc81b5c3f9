import { catchError, EMPTY, filter, mergeMap, retry, switchMap, takeUntil, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { instanceKey, type ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceSet } from '../../lib/instances/index.js';
import { balance, CallMeter, consistentHash, ejectOutliers, roundRobin } from '../../lib/operators/index.js';
import { type CallDiagrams, fakeInstances, marbleCalls } from '../../lib/testing/index.js';
import { IN_ORDER } from '../support/inOrder.js';

const [a, b, c] = fakeInstances(3) as [ServiceUrl, ServiceUrl, ServiceUrl];
const HOSTS = { a: a.host, b: b.host, c: c.host };
const setOf = (...instances: readonly ServiceUrl[]): InstanceSet =>
  new InstanceSet(new Map(instances.map((each) => [instanceKey(each), each])));

describe('marbleCalls', () => {
  let scheduler: TestScheduler;
  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  it('answers as the diagram says, in virtual time', () => {
    scheduler.run(({ expectObservable }) => {
      const calls = marbleCalls([
        [a, '--x-(yz)|'],
        [b, '5ms #'],
        [c, '-'],
      ]);
      expectObservable(calls.call(a)).toBe('--x-(yz)|');
      expectObservable(calls.call(b)).toBe('5ms #', undefined, new Error(`The call to ${b.host} failed.`));
      expectObservable(calls.call(c), '9ms !').toBe('-');
    });
  });

  it('has a diagram for each call in turn, and the last one for all that follow', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const calls = marbleCalls([[a, ['-#', '-x|', 'y|']]]);
      expectObservable(cold('s---s---s---s').pipe(mergeMap(() => calls.call(a).pipe(retry(1))))).toBe('--x-y---y---y');
    });
  });

  it('tells who was called and when, and how that ended', () => {
    scheduler.run(({ cold, expectObservable, flush }) => {
      const calls = marbleCalls([
        [a, '-x|'],
        [b, '--#'],
        [c, '-'],
      ]);
      const all = cold('a-b-c|', { a, b, c }).pipe(mergeMap((each) => calls.call(each)));
      expectObservable(calls.begun).toBe('    a-b-c', HOSTS);
      expectObservable(calls.cancelled).toBe('----c', HOSTS);
      expectObservable(all).toBe('-x--#', undefined, new Error(`The call to ${b.host} failed.`));
      flush();
      expect(calls.log).toEqual([
        { host: a.host, beganMs: 0, endedMs: 2, end: 'answered' },
        { host: b.host, beganMs: 2, endedMs: 4, end: 'failed' },
        { host: c.host, beganMs: 4, endedMs: 4, end: 'cancelled' },
      ]);
    });
  });

  it('shows a hedge: the second call, the answer and the cancelled one', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const calls = marbleCalls([
        [a, '50ms x|'],
        [b, '5ms y|'],
      ]);
      const picker = cold('s', { s: setOf(a, b) }).pipe(balance(roundRobin(IN_ORDER)));
      const answers = picker.pipe(switchMap((now) => now.hedge(calls.call, { afterMs: 10 })));
      expectObservable(calls.begun).toBe('    a 9ms b', HOSTS);
      expectObservable(calls.cancelled).toBe('15ms a', HOSTS);
      expectObservable(answers).toBe('        15ms y');
    });
  });

  it('shows avoidance: a retry by key goes to the next one on the ring', () => {
    scheduler.run(({ cold, expectObservable, flush }) => {
      const calls = marbleCalls([a, b, c].map((each) => [each, '-#'] as CallDiagrams));
      const picker = cold('s', { s: setOf(a, b, c) }).pipe(balance(consistentHash()));
      const use = picker.pipe(switchMap((now) => now.use('user-1', calls.call).pipe(retry(2))));
      expectObservable(use).toBe('---#', undefined, expect.any(Error));
      flush();
      expect(new Set(calls.log.map(({ host }) => host)).size).toBe(3);
    });
  });

  it('shows a trial: one that hangs gets three calls when it is readmitted, and is ejected again', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const meter = new CallMeter({ scheduler });
      const calls = marbleCalls([
        [a, '-x|'],
        [b, '5ms #'],
      ]);
      const picker = hot('s', { s: setOf(a, b) }).pipe(
        ejectOutliers(meter.outcomes, { consecutiveFailures: 2, baseEjectionMs: 20, scheduler }),
        balance(roundRobin(IN_ORDER), { meter, scheduler }),
      );
      const quietly = catchError(() => EMPTY);
      const requests = hot('-rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr');
      const answers = picker.pipe(switchMap((now) => requests.pipe(mergeMap(() => now.use(calls.call).pipe(quietly)))));
      // Two failures eject it at 9 ms for 20, two of its trial at 38 for 40.
      const hung = calls.begun.pipe(filter((host) => host === b.host));
      expectObservable(hung, '54ms !').toBe('--b-b-b-b----------------------b-b-b', HOSTS);
      answers.pipe(takeUntil(timer(54))).subscribe();
    });
  });

  it.each([
    ['no list', 'x'],
    ['no diagrams', [[a, []]]],
    ['no instance', [['10.0.0.1', 'x|']]],
    ['a diagram that cannot be read', [[a, '(x']]],
  ])('refuses %s', (_, script) => {
    expect(() => marbleCalls(script as unknown as readonly CallDiagrams[])).toThrow(InvalidOptionError);
  });

  it('errors for one that has no diagram', () => {
    const calls = marbleCalls([[a, 'x|']]);
    const errors: unknown[] = [];
    calls.call(b).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([expect.any(InvalidOptionError)]);
  });
});
