import {
  catchError,
  concat,
  EMPTY,
  firstValueFrom,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  retry,
  Subject,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  balance,
  type BalanceOptions,
  CallMeter,
  type CallOutcome,
  leastLoaded,
  type Picker,
  rendezvous,
  roundRobin,
} from '../../lib/balancers/index.js';
import { InvalidOptionError, NoInstanceError, RegistryError } from '../../lib/errors.js';
import { type InstanceSet } from '../../lib/instances/index.js';
import { turn, VirtualTime } from '../support/virtual/index.js';
import { keyOf, setOf } from './sets.js';
import { keys } from './stage.js';
import { IN_ORDER } from '../support/inOrder.js';

const DOWN = new Error('down');

/** A picker in virtual time, with what its meter tells. */
function stage(options: BalanceOptions = {}, factory = roundRobin(IN_ORDER)) {
  const time = new VirtualTime();
  const meter = new CallMeter({ scheduler: time.scheduler });
  const outcomes: CallOutcome[] = [];
  meter.outcomes.subscribe((outcome) => outcomes.push(outcome));
  const sets = new Subject<InstanceSet>();
  let picker!: Picker;
  const subscription = sets
    .pipe(balance(factory, { meter, scheduler: time.scheduler, ...options }))
    .subscribe((each) => (picker = each));
  const inFlight = (...names: string[]): number[] => names.map((name) => meter.inFlight(keyOf(name)));
  return { time, meter, outcomes, sets, picker, subscription, inFlight };
}

/** What an Observable told, as it goes. */
function trace<T>(source: Observable<T>) {
  const told: unknown[] = [];
  const subscription = source.subscribe({
    next: (value) => told.push(value),
    error: (error: unknown) => told.push(error instanceof RegistryError ? error.code : error),
    complete: () => told.push('|'),
  });
  return { told, subscription };
}

describe('Picker.use', () => {
  let scheduler: TestScheduler;

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  /** Uses a picker whose set never changes. */
  const using = <T>(project: (picker: Picker) => Observable<T>, options: BalanceOptions = {}): Observable<T> =>
    concat(of(setOf('x')), NEVER).pipe(balance(roundRobin(IN_ORDER), { scheduler, ...options }), mergeMap(project));

  it('emits what the call emits, and completes with it', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const call = cold('-a-b-|');
      const subs = '     ^----!';
      const expected = ' -a-b-';
      expectObservable(using((picker) => picker.use(() => call))).toBe(expected);
      expectSubscriptions(call.subscriptions).toBe(subs);
    });
  });

  it('is silent with a call that never answers, and lets go of it', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const call = cold('---');
      const unsub = '    -----!';
      expectObservable(
        using((picker) => picker.use(() => call)),
        unsub,
      ).toBe('-');
      expectSubscriptions(call.subscriptions).toBe('^----!');
    });
  });

  it('errors with the call', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const call = cold('-a-#', undefined, 'boom');
      const expected = ' -a-#';
      expectObservable(using((picker) => picker.use(() => call))).toBe(expected, undefined, 'boom');
    });
  });

  it('completes with a call that has nothing to say', () => {
    const { picker, sets, outcomes } = stage();
    sets.next(setOf('a'));
    expect(trace(picker.use(() => EMPTY)).told).toEqual(['|']);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true]);
  });

  it('makes no call before it is subscribed to, and one for each subscription', () => {
    const { picker, sets } = stage();
    sets.next(setOf('a', 'b'));
    const called: string[] = [];
    const use = picker.use(({ host }) => (called.push(host), of(host)));
    expect(called).toEqual([]);
    use.subscribe();
    use.subscribe();
    expect(called).toEqual(['a', 'b']);
  });

  it('counts a call from before it is made until it is over, whatever its end', () => {
    const { picker, sets, inFlight } = stage();
    sets.next(setOf('a'));
    const seen: number[] = [];
    const look = (): void => void seen.push(...inFlight('a'));
    const call = new Subject<void>();
    picker.use(() => (look(), call)).subscribe({ complete: look });
    look();
    call.complete();
    look();
    expect(seen).toEqual([1, 1, 0, 0]);

    const failing = new Subject<void>();
    picker.use(() => failing).subscribe({ error: look });
    look();
    failing.error(DOWN);
    look();
    expect(seen.slice(4)).toEqual([1, 0, 0]);

    const cancelled = picker.use(() => NEVER).subscribe();
    look();
    cancelled.unsubscribe();
    look();
    expect(seen.slice(7)).toEqual([1, 0]);
  });

  it('tells how calls went and how long they took, and nothing of those that were cancelled', () => {
    const { picker, sets, outcomes, time } = stage();
    sets.next(setOf('a'));
    picker.use(() => timer(30, time.scheduler)).subscribe();
    time.pass(30);
    picker
      .use(() => timer(20, time.scheduler).pipe(mergeMap(() => throwError(() => DOWN))))
      .subscribe({ error: () => undefined });
    time.pass(20);
    picker
      .use(() => NEVER)
      .subscribe()
      .unsubscribe();
    const key = keyOf('a');
    expect(outcomes).toEqual([
      { key, ok: true, latencyMs: 30 },
      { key, ok: false, latencyMs: 20 },
    ]);
    expect(picker.outcomes).toBeInstanceOf(Observable);
  });

  it('tells the outcome of its own meter if it is given none', () => {
    const sets = concat(of(setOf('a')), NEVER);
    const outcomes: CallOutcome[] = [];
    sets.pipe(balance(roundRobin(IN_ORDER))).subscribe((picker) => {
      picker.outcomes.subscribe((outcome) => outcomes.push(outcome));
      picker.use(() => of(1)).subscribe();
    });
    // The set comes after the picker, and the call waits for it.
    expect(outcomes).toEqual([{ key: keyOf('a'), ok: true, latencyMs: expect.any(Number) as number }]);
  });

  it('takes a call that throws for one that fails', () => {
    const { picker, sets, outcomes, inFlight } = stage();
    sets.next(setOf('a'));
    const { told } = trace(
      picker.use(() => {
        throw DOWN;
      }),
    );
    expect(told).toEqual([DOWN]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([false]);
    expect(inFlight('a')).toEqual([0]);
  });

  it('takes a call that returns nothing to wait for for one that fails', () => {
    const { picker, sets, outcomes } = stage();
    sets.next(setOf('a'));
    expect(trace(picker.use(() => undefined as never)).told).toEqual([expect.any(TypeError)]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([false]);
  });

  it('does not blame the instance for errors that are not its fault', () => {
    const notFound = new Error('not found');
    const { picker, sets, outcomes } = stage({ isFailure: (error) => error !== notFound });
    sets.next(setOf('a'));
    expect(trace(picker.use(() => throwError(() => notFound))).told).toEqual([notFound]);
    expect(trace(picker.use(() => throwError(() => DOWN))).told).toEqual([DOWN]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false]);
  });

  it('counts a call as over also if nobody can say whose fault it was', () => {
    const { picker, sets, outcomes, inFlight } = stage({
      isFailure: () => {
        throw new Error('no idea');
      },
    });
    sets.next(setOf('a'));
    expect(trace(picker.use(() => throwError(() => DOWN))).told).toEqual([new Error('no idea')]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([false]);
    expect(inFlight('a')).toEqual([0]);
  });

  it('takes promises', async () => {
    const { picker, sets, outcomes, inFlight } = stage();
    sets.next(setOf('a'));
    expect(await lastValueFrom(picker.use(async ({ host }) => host))).toBe('a');
    await expect(firstValueFrom(picker.use(() => Promise.reject(new Error('down'))))).rejects.toThrow('down');
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false]);
    expect(inFlight('a')).toEqual([0]);
  });

  it('takes a value that was waited for for an answer, whoever leaves with it', async () => {
    const { picker, sets, outcomes, inFlight } = stage();
    sets.next(setOf('a'));
    const signals: AbortSignal[] = [];
    const fetching = picker.use((_, { signal }) => (signals.push(signal), Promise.resolve('response')));
    expect(await firstValueFrom(fetching)).toBe('response');
    expect(await firstValueFrom(picker.use((_, { signal }) => (signals.push(signal), concat(of(1), NEVER))))).toBe(1);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true]);
    expect(inFlight('a')).toEqual([0]);
    // The response may have a body yet to be read; the stream is over.
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  });

  it('has counted a promise’s call as over by the time its value comes', async () => {
    const { picker, sets, inFlight } = stage();
    sets.next(setOf('a'));
    expect(await firstValueFrom(picker.use(() => Promise.resolve()).pipe(map(() => inFlight('a'))))).toEqual([0]);
  });

  it('hands the key to the balancer', () => {
    const { picker, sets } = stage({}, rendezvous());
    sets.next(setOf('a', 'b', 'c', 'd'));
    for (const key of keys(50)) {
      const { told } = trace(picker.use(key, ({ host }) => of(host)));
      expect(told).toEqual([picker.pick(key)!.host, '|']);
    }
    expect(trace(picker.use('k', ({ host }) => of(host), {})).told).toEqual([picker.pick('k')!.host, '|']);
    expect(trace(picker.use(undefined, () => of(1))).told).toEqual([1, '|']);
  });

  it('lets the balancer know: busy ones are spared', () => {
    const { picker, sets, inFlight } = stage({}, leastLoaded(IN_ORDER));
    sets.next(setOf('a', 'b', 'c'));
    const calls = Array.from({ length: 30 }, () => picker.use(() => NEVER).subscribe());
    expect(inFlight('a', 'b', 'c')).toEqual([10, 10, 10]);
    calls.slice(0, 15).forEach((call) => call.unsubscribe());
    expect(inFlight('a', 'b', 'c')).toEqual([5, 5, 5]);
    calls.forEach((call) => call.unsubscribe());
    expect(inFlight('a', 'b', 'c')).toEqual([0, 0, 0]);
  });

  it('lets the balancer know of later calls to one that was idle in between', () => {
    const { picker, sets, inFlight } = stage({}, leastLoaded(IN_ORDER));
    sets.next(setOf('a', 'b'));
    for (let calls = 0; calls < 4; calls++) trace(picker.use(() => of(1)));
    const call = (host: string) => picker.use((target) => (target.host === host ? NEVER : EMPTY)).subscribe();
    // One of two in turn is held up: were that not known, it would have its turn again.
    for (let calls = 0; calls < 4; calls++) call('a');
    expect(inFlight('a', 'b')).toEqual([1, 0]);
  });

  it('shares what is under way with others that have the same meter', () => {
    const meter = new CallMeter();
    const set = setOf('a', 'b');
    const pickers: Picker[] = [];
    for (let index = 0; index < 2; index++) {
      concat(of(set), NEVER)
        .pipe(balance(leastLoaded(IN_ORDER), { meter }))
        .subscribe((picker) => pickers.push(picker));
    }
    const called: string[] = [];
    const use = (picker: Picker) => picker.use(({ host }) => (called.push(host), NEVER)).subscribe();
    use(pickers[0]!);
    use(pickers[1]!);
    use(pickers[1]!);
    use(pickers[0]!);
    expect(called.slice(0, 2).sort()).toEqual(['a', 'b']);
    expect(called.slice(2).sort()).toEqual(['a', 'b']);
  });

  it('knows the calls of one that left and came back', () => {
    const { picker, sets, inFlight } = stage({}, leastLoaded(IN_ORDER));
    sets.next(setOf('a'));
    const call = picker.use(() => NEVER).subscribe();
    sets.next(setOf());
    expect(inFlight('a')).toEqual([1]);
    sets.next(setOf('a', 'b'));
    expect(Array.from({ length: 3 }, () => picker.pick()!.host)).toEqual(['b', 'b', 'b']);
    call.unsubscribe();
    expect(new Set(Array.from({ length: 4 }, () => picker.pick()!.host))).toEqual(new Set(['a', 'b']));
  });

  it('can be called from within a call and from its end', () => {
    const { picker, sets, outcomes, meter } = stage({}, leastLoaded(IN_ORDER));
    sets.next(setOf('a', 'b', 'c'));
    const nested = picker.use((one) =>
      picker.use((two) => picker.use((three) => of([one.host, two.host, three.host].sort().join('')))),
    );
    const { told } = trace(nested.pipe(mergeMap((hosts) => picker.use(() => of(`${hosts}!`)))));
    expect(told).toEqual(['abc!', '|']);
    expect(outcomes.length).toBe(4);
    const again = trace(
      picker
        .use(() => of(1))
        .pipe(
          mergeMap(() => throwError(() => DOWN)),
          retry(2),
        ),
    );
    expect(again.told).toEqual([DOWN]);
    sets.next(setOf());
    expect(meter.size).toBe(0);
  });

  it('tries another instance with every retry', () => {
    const { picker, sets } = stage();
    sets.next(setOf('a', 'b', 'c'));
    const { told } = trace(
      picker.use(({ host }) => (host === 'c' ? of(host) : throwError(() => new Error(host)))).pipe(retry(2)),
    );
    expect(told).toEqual(['c', '|']);
  });

  it('refuses what is no call', () => {
    const { picker } = stage();
    expect(() => picker.use('key', undefined as never)).toThrow(InvalidOptionError);
    expect(() => picker.run('key' as never)).toThrow(InvalidOptionError);
  });

  describe('without an instance', () => {
    it('fails at once if the set is empty', () => {
      const { picker, sets, time } = stage();
      sets.next(setOf());
      const { told } = trace(picker.use(() => of(1)));
      expect(told).toEqual(['NO_INSTANCE']);
      expect(time.timers).toBe(0);
    });

    it('fails with an error that says what there was to wait for, and that can be retried', async () => {
      const { picker, sets } = stage();
      sets.next(setOf());
      const error = await picker.run(() => 1).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(NoInstanceError);
      expect(error).toMatchObject({ name: 'NoInstanceError', code: 'NO_INSTANCE', retriable: true });
      expect((error as Error).message).toBe('No instance to call: the set of instances is empty.');
    });

    it('waits for one for waitMs', () => {
      scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const sets = hot('     0-------1---0-------|', { 0: setOf(), 1: setOf('x') });
        const requests = cold('-r---r-------r', { r: 0 });
        const call = cold('              -(a|)');
        const expected = '     ------#';
        const patient = '      ---------a----';
        const picker = sets.pipe(balance(roundRobin(IN_ORDER), { waitMs: 5, scheduler }));
        const impatient = merge(picker.pipe(mergeMap((each) => requests.pipe(mergeMap(() => each.use(() => call))))));
        expectObservable(impatient).toBe(
          expected,
          undefined,
          new NoInstanceError('the set of instances is empty, and that for 5 ms'),
        );
        const late = picker.pipe(mergeMap((each) => timer(5, scheduler).pipe(mergeMap(() => each.use(() => call)))));
        expectObservable(late).toBe(`${patient}------|`);
        expectSubscriptions(call.subscriptions).toBe(['--------^!']);
      });
    });

    it('lets nobody wait longer than the first instance that comes, and leaves no timer', () => {
      const { picker, sets, time } = stage({ waitMs: 1_000 });
      sets.next(setOf());
      const calls = keys(5).map((key) => trace(picker.use(key, ({ host }) => of(host))));
      expect(time.timers).toBe(5);
      time.pass(999);
      sets.next(setOf('a', 'b'));
      expect(calls.flatMap(({ told }) => told)).toEqual(['a', '|', 'b', '|', 'a', '|', 'b', '|', 'a', '|']);
      expect(time.timers).toBe(0);
    });

    it('goes on waiting while sets that come are empty too, no longer than it may', () => {
      const { picker, sets, time } = stage({ waitMs: 1_000 });
      sets.next(setOf());
      const { told } = trace(picker.use(() => of(1)));
      time.pass(600);
      sets.next(setOf());
      time.pass(399);
      expect(told).toEqual([]);
      time.pass(1);
      expect(told).toEqual(['NO_INSTANCE']);
    });

    it('stops waiting when it is unsubscribed from', () => {
      const { picker, sets, time } = stage({ waitMs: 1_000 });
      sets.next(setOf());
      const { told, subscription } = trace(picker.use(() => of(1)));
      subscription.unsubscribe();
      expect(time.timers).toBe(0);
      sets.next(setOf('a'));
      expect(told).toEqual([]);
    });

    it('waits for the first set for startMs, though it would not wait for an empty one', () => {
      const { picker, sets, time } = stage({ startMs: 2_000 });
      const early = trace(picker.use(({ host }) => of(host)));
      time.pass(1_999);
      expect(early.told).toEqual([]);
      sets.next(setOf('a'));
      expect(early.told).toEqual(['a', '|']);
      expect(time.timers).toBe(0);
    });

    it('fails when no set has come for startMs', () => {
      const { picker, time } = stage({ startMs: 2_000 });
      const { told } = trace(picker.use(() => of(1)));
      time.pass(1_999);
      expect(told).toEqual([]);
      time.pass(1);
      expect(told).toEqual(['NO_INSTANCE']);
    });

    it('waits ten seconds for the first set if it is not told how long', () => {
      const { picker, time } = stage();
      const { told } = trace(picker.use(() => of(1)));
      time.pass(9_999);
      expect(told).toEqual([]);
      time.pass(1);
      expect(told).toEqual(['NO_INSTANCE']);
    });

    it('waits for the first set for waitMs if that is longer', () => {
      const { picker, time } = stage({ startMs: 0, waitMs: 500 });
      const { told } = trace(picker.use(() => of(1)));
      time.pass(499);
      expect(told).toEqual([]);
      time.pass(1);
      expect(told).toEqual(['NO_INSTANCE']);
    });

    it('takes a first set that is empty for an empty one', () => {
      const { picker, sets, time } = stage({ startMs: 2_000, waitMs: 100 });
      const early = trace(picker.use(() => of(1)));
      time.pass(500);
      sets.next(setOf());
      time.pass(99);
      expect(early.told).toEqual([]);
      time.pass(1);
      expect(early.told).toEqual(['NO_INSTANCE']);
    });

    it('hands an instance on when another one who waited has spent it', () => {
      const { picker, sets } = stage({ waitMs: 1_000 });
      sets.next(setOf());
      const first = trace(
        picker.use(({ host }) => {
          sets.next(setOf());
          return of(host);
        }),
      );
      const second = trace(picker.use(({ host }) => of(host)));
      sets.next(setOf('a'));
      expect([first.told, second.told]).toEqual([['a', '|'], []]);
      sets.next(setOf('b'));
      expect(second.told).toEqual(['b', '|']);
    });
  });

  describe('with a signal', () => {
    it('makes no call if it is aborted already', () => {
      const { picker, sets, outcomes } = stage();
      sets.next(setOf('a'));
      let calls = 0;
      const use = picker.use(() => ((calls += 1), of(1)), { signal: AbortSignal.abort('enough') });
      expect(trace(use).told).toEqual(['enough']);
      expect([calls, outcomes.length]).toEqual([0, 0]);
    });

    it('gives up a call when it is aborted, and does not blame the instance', () => {
      const { picker, sets, outcomes, inFlight } = stage();
      sets.next(setOf('a'));
      const aborter = new AbortController();
      const { told } = trace(picker.use('key', () => NEVER, { signal: aborter.signal }));
      expect(inFlight('a')).toEqual([1]);
      aborter.abort('enough');
      expect(told).toEqual(['enough']);
      expect(inFlight('a')).toEqual([0]);
      expect(outcomes).toEqual([]);
    });

    it('gives up waiting when it is aborted, for an instance as for the first set', () => {
      const { picker, sets, time } = stage({ waitMs: 1_000 });
      const aborter = new AbortController();
      const early = trace(picker.use(() => of(1), { signal: aborter.signal }));
      aborter.abort('enough');
      expect(early.told).toEqual(['enough']);
      sets.next(setOf());
      const other = new AbortController();
      const late = trace(picker.use(() => of(1), { signal: other.signal }));
      other.abort('enough');
      expect(late.told).toEqual(['enough']);
      expect(time.timers).toBe(0);
    });

    it('takes its listener away when the call is over', () => {
      const { picker, sets } = stage();
      sets.next(setOf('a'));
      const { signal } = new AbortController();
      const added = vi.spyOn(signal, 'addEventListener');
      const removed = vi.spyOn(signal, 'removeEventListener');
      const call = new Subject<void>();
      picker.use(() => call, { signal }).subscribe();
      expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([1, 0]);
      call.complete();
      expect(removed.mock.calls[0]!.slice(0, 2)).toEqual(added.mock.calls[0]!.slice(0, 2));
    });

    it('tells the call when nobody waits for it any more, and only then', () => {
      const { picker, sets } = stage();
      sets.next(setOf('a'));
      const signals: AbortSignal[] = [];
      const run = (call: Observable<unknown>) =>
        picker
          .use((_, { signal }) => (signals.push(signal), call))
          .pipe(catchError(() => EMPTY))
          .subscribe();
      run(of(1));
      run(throwError(() => DOWN));
      run(NEVER).unsubscribe();
      expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true]);
    });
  });
});

describe('Picker.run', () => {
  it('resolves with the result, whether it comes at once or later', async () => {
    const { picker, sets, outcomes } = stage();
    sets.next(setOf('a', 'b'));
    expect(await picker.run('key', ({ host }) => host)).toBe('a');
    expect(await picker.run(async ({ host }) => host)).toBe('b');
    expect(await picker.run(() => undefined)).toBe(undefined);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true]);
  });

  it('calls at once', () => {
    const { picker, sets } = stage();
    sets.next(setOf('a'));
    let called = false;
    void picker.run(() => (called = true));
    expect(called).toBe(true);
  });

  it('rejects with what the call rejects with or throws', async () => {
    const { picker, sets, outcomes, inFlight } = stage();
    sets.next(setOf('a'));
    await expect(picker.run(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
    const thrown = picker.run(() => {
      throw new Error('thrown');
    });
    await expect(thrown).rejects.toThrow('thrown');
    expect(outcomes.map(({ ok }) => ok)).toEqual([false, false]);
    expect(inFlight('a')).toEqual([0]);
  });

  it('rejects with the signal’s reason, and tells the call', async () => {
    const { picker, sets, outcomes, inFlight } = stage();
    sets.next(setOf('a'));
    const aborter = new AbortController();
    let inner: AbortSignal | undefined;
    const result = picker.run(
      (_, { signal }) => {
        inner = signal;
        return new Promise(() => undefined);
      },
      { signal: aborter.signal },
    );
    aborter.abort(new Error('enough'));
    await expect(result).rejects.toThrow('enough');
    expect(inner?.aborted).toBe(true);
    expect(outcomes).toEqual([]);
    expect(inFlight('a')).toEqual([0]);
  });

  it('waits for an instance in virtual time', async () => {
    const { picker, sets, time } = stage({ waitMs: 50 });
    sets.next(setOf());
    const waiting = picker.run(({ host }) => host);
    time.pass(40);
    sets.next(setOf('late'));
    expect(await waiting).toBe('late');
    sets.next(setOf());
    const failing = picker.run(({ host }) => host);
    const settled = expect(failing).rejects.toThrow('and that for 50 ms');
    time.pass(50);
    await turn();
    await settled;
  });

  it('counts many calls exactly, whatever becomes of them', async () => {
    const { picker, sets, inFlight, outcomes, time } = stage({}, leastLoaded(IN_ORDER));
    sets.next(setOf('a', 'b', 'c'));
    const calls = Array.from({ length: 300 }, (_, index) => {
      const call = timer(index % 17, time.scheduler).pipe(
        map(() => {
          if (index % 3 === 0) throw new Error('down');
          return index;
        }),
        toArray(),
      );
      const subscription = picker.use(() => call).subscribe({ error: () => undefined });
      return { index, subscription };
    });
    expect(inFlight('a', 'b', 'c').reduce((sum, count) => sum + count)).toBe(300);
    time.pass(5);
    const left = calls.filter(({ index }) => index % 17 > 5).length;
    expect(inFlight('a', 'b', 'c').reduce((sum, count) => sum + count)).toBe(left);
    calls.forEach(({ subscription }) => subscription.unsubscribe());
    expect(inFlight('a', 'b', 'c')).toEqual([0, 0, 0]);
    expect(outcomes.length).toBe(300 - left);
  });
});
