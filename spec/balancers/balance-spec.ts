import {
  asapScheduler,
  BehaviorSubject,
  defer,
  firstValueFrom,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  NEVER,
  of,
  Subject,
  throwError,
  timer,
  withLatestFrom,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  balance,
  type BalancerFactory,
  CallMeter,
  leastLoaded,
  type Picker,
  roundRobin,
  shortestResponse,
  smoothWeightedRoundRobin,
} from '../../lib/balancers/index.js';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError, NoInstanceError } from '../../lib/errors.js';
import { type InstanceSet } from '../../lib/instances/index.js';
import { VirtualTime } from '../support/virtual/index.js';
import { keyOf, setOf, Sets } from './sets.js';
import { tally } from './stage.js';
import { IN_ORDER } from '../support/inOrder.js';

/** A picker that follows sets which the spec pushes. */
function follow(factory: BalancerFactory = roundRobin(IN_ORDER), options: Parameters<typeof balance>[1] = {}) {
  const source = new Subject<InstanceSet>();
  const emitted: Picker[] = [];
  const errors: unknown[] = [];
  let isComplete = false;
  const subscription = source.pipe(balance(factory, options)).subscribe({
    next: (picker) => emitted.push(picker),
    error: (error: unknown) => errors.push(error),
    complete: () => (isComplete = true),
  });
  return { source, picker: emitted[0]!, emitted, errors, subscription, isComplete: () => isComplete };
}

const hosts = (picker: Picker, times: number): (string | undefined)[] =>
  Array.from({ length: times }, () => picker.pick()?.host);

describe('balance', () => {
  let scheduler: TestScheduler;
  const P = { P: expect.objectContaining({ size: 0 }) as Picker };

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  it('emits a picker at once and then nothing for a source that never emits', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<InstanceSet>('-----');
      const unsub = '                   ----!';
      expectObservable(source.pipe(balance(roundRobin(IN_ORDER))), unsub).toBe('P', P);
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('completes with an empty source', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<InstanceSet>('--|');
      const subs = '                    ^-!';
      const expected = '                P-|';
      expectObservable(source.pipe(balance(roundRobin(IN_ORDER)))).toBe(expected, P);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('errors with the source', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-#', { a: setOf('x') }, 'boom');
      const subs = '       ^--!';
      const expected = '   P--#';
      expectObservable(source.pipe(balance(roundRobin(IN_ORDER)))).toBe(expected, P, 'boom');
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('emits one picker, however many sets there are', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('(ab)-c-|', { a: setOf('x'), b: setOf('x', 'y'), c: setOf() });
      const subs = '       ^------!';
      const expected = '   P------|';
      expectObservable(source.pipe(balance(roundRobin(IN_ORDER)))).toBe(expected, P);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('lets go of the source when it is unsubscribed from', () => {
    scheduler.run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a-b-', { a: setOf('x'), b: setOf('y') });
      const unsub = '     --!';
      const subs = '      ^-!';
      expectObservable(source.pipe(balance(roundRobin(IN_ORDER))), unsub).toBe('P', { P: expect.anything() as Picker });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('chooses by the power of two choices unless it is told how', async () => {
    let picker!: Picker;
    const subscription = new BehaviorSubject(setOf('a', 'b')).pipe(balance()).subscribe((one) => (picker = one));
    const only = (host: string) => ({ avoid: (target: ServiceUrl) => target.host !== host });
    await expect(picker.run(() => Promise.reject(new Error('no')), only('a'))).rejects.toThrow('no');
    await picker.run(() => Promise.resolve(), only('b'));
    // The one that failed counts for slow: it is picked only if it is drawn nine times in a row.
    expect(hosts(picker, 100).filter((host) => host === 'b').length).toBeGreaterThan(75);
    subscription.unsubscribe();
  });

  it('picks of the newest set, at every moment', () => {
    scheduler.run(({ cold, hot, expectObservable }) => {
      const values = { a: setOf('x'), b: setOf('x', 'y'), c: setOf('y'), d: setOf() };
      const source = cold('   --a---b---c---d|', values);
      const requests = hot('  -r-r-r-rr--rr--r-r|');
      const expected = '      -0-x-x-xy--yy--0-0|';
      const picks = requests.pipe(
        withLatestFrom(source.pipe(balance(roundRobin(IN_ORDER)))),
        map(([, picker]) => picker.pick()?.host ?? '0'),
      );
      expectObservable(picks).toBe(expected);
    });
  });

  it('serves requests as they come, with what their calls take', () => {
    scheduler.run(({ cold, hot, expectObservable }) => {
      const source = cold('   a----b--', { a: setOf('x'), b: setOf('y') });
      const requests = hot('  -r--r--r|');
      const expected = '      ---x--x--(y|)';
      const answers = requests.pipe(
        withLatestFrom(source.pipe(balance(leastLoaded(IN_ORDER), { scheduler }))),
        mergeMap(([, picker]) => picker.use((target) => cold('--(a|)', { a: target.host }))),
      );
      expectObservable(answers).toBe(expected);
    });
  });

  it('has a picker and a balancer for each subscription', async () => {
    const balanced = merge(of(setOf('x', 'y')), NEVER).pipe(balance(roundRobin(IN_ORDER)));
    const pickers: Picker[] = [];
    const subscriptions = [0, 1].map(() => balanced.subscribe((picker) => pickers.push(picker)));
    expect(pickers[0]).not.toBe(pickers[1]);
    expect([pickers[0]!.pick()?.host, pickers[1]!.pick()?.host]).toEqual(['x', 'x']);
    subscriptions.forEach((subscription) => subscription.unsubscribe());
  });

  it('keeps what the balancer knows of those who stay', () => {
    const time = new VirtualTime();
    const sets = new Sets();
    const { source, picker } = follow(shortestResponse(IN_ORDER), { scheduler: time.scheduler });
    source.next(sets.write({ slow: 100, quick: 100 }));
    const latency: Record<string, number> = { slow: 50, quick: 5, other: 200 };
    for (let calls = 0; calls < 2; calls++) {
      const call = new Subject<never>();
      let host = '';
      picker.use((target) => ((host = target.host), call)).subscribe();
      time.pass(latency[host]!);
      call.complete();
    }
    source.next(sets.write({ quick: 90 }));
    source.next(sets.write({ other: 100 }));
    source.next(sets.write({ other: undefined }));
    expect(hosts(picker, 3)).toEqual(['quick', 'quick', 'quick']);
    // And it goes by the same clock: now all is forgotten.
    time.pass(30_000);
    expect(hosts(picker, 1)).toEqual(['slow']);
  });

  it('hands out what an instance says of itself now', () => {
    const sets = new Sets();
    const { source, picker } = follow(smoothWeightedRoundRobin(IN_ORDER));
    source.next(sets.write({ a: 100, b: 100 }));
    source.next(sets.write({ a: 300 }));
    const picked = Array.from({ length: 4 }, () => picker.pick()!);
    expect(tally(picked.map(({ host }) => host))).toEqual({ a: 3, b: 1 });
    expect(new Set(picked.filter(({ host }) => host === 'a').map((each) => each.parameter('weight')))).toEqual(
      new Set(['300']),
    );
  });

  it('follows sets that have nothing to do with each other', () => {
    const { source, picker } = follow();
    source.next(setOf('a', 'b'));
    source.next(setOf('b', 'c'));
    expect(picker.size).toBe(2);
    expect(new Set(hosts(picker, 4))).toEqual(new Set(['b', 'c']));
    source.next(setOf());
    expect([picker.size, picker.pick()]).toEqual([0, undefined]);
  });

  it('never picks one that has left, though its balancer forgets to', () => {
    const stubborn: BalancerFactory = () => {
      let first: Parameters<ReturnType<BalancerFactory>['add']>[0] | undefined;
      return { add: (candidate) => (first ??= candidate), remove: () => undefined, pick: () => first };
    };
    const { source, picker } = follow(stubborn);
    source.next(setOf('a'));
    source.next(setOf('b'));
    expect(picker.pick()).toBeUndefined();
  });

  it('survives a set that comes of a pick, of a call and of an outcome', async () => {
    const sets = new Sets();
    const meter = new CallMeter();
    const source = new BehaviorSubject(sets.only('a', 'b'));
    // As an operator further up does that takes out whoever fails.
    meter.outcomes.subscribe(({ ok, key }) => {
      if (!ok) source.next(sets.write({ [sets.now.get(key)!.host]: undefined }));
    });
    const picker = await new Promise<Picker>((resolve) =>
      source.pipe(balance(leastLoaded(IN_ORDER), { meter })).subscribe(resolve),
    );
    const failing = picker.use((target) => {
      source.next(sets.write({ c: 100, [target.host]: 50 }));
      throw new Error(target.host);
    });
    await expect(firstValueFrom(failing)).rejects.toThrow('a');
    expect(picker.size).toBe(2);
    expect(new Set(hosts(picker, 4))).toEqual(new Set(['b', 'c']));
    expect(meter.size).toBe(2);
  });

  describe('when the source has completed', () => {
    it('goes on with the last set', async () => {
      const { source, picker, isComplete } = follow();
      source.next(setOf('a', 'b'));
      source.complete();
      expect(isComplete()).toBe(true);
      expect(hosts(picker, 3)).toEqual(['a', 'b', 'a']);
      expect(await picker.run(({ host }) => host)).toBe('b');
    });

    it('refuses calls if that is empty, at once, also those that waited', async () => {
      const { source, picker } = follow(roundRobin(IN_ORDER), { waitMs: 60_000, startMs: 60_000 });
      source.next(setOf());
      const waiting = picker.run(({ host }) => host);
      source.complete();
      await expect(waiting).rejects.toThrow(NoInstanceError);
      await expect(picker.run(({ host }) => host)).rejects.toThrow('the last set of instances is empty');
    });

    it('refuses calls that waited for a first set', async () => {
      const { source, picker } = follow();
      const waiting = picker.run(({ host }) => host);
      source.complete();
      await expect(waiting).rejects.toThrow(NoInstanceError);
    });

    it('keeps counting, but holds nothing in a meter that lives longer', () => {
      const meter = new CallMeter();
      const { source, picker } = follow(leastLoaded(IN_ORDER), { meter });
      const counts = (): number[] => ['a', 'b', 'c'].map((name) => meter.inFlight(keyOf(name)));
      const calls: { host: string; end: Subject<never> }[] = [];
      const call = (): void => {
        const end = new Subject<never>();
        picker.use(({ host }) => (calls.push({ host, end }), end)).subscribe();
      };
      const end = (name: string): void => {
        const index = calls.findIndex(({ host }) => host === name);
        calls.splice(index, 1)[0]!.end.complete();
      };
      source.next(setOf('a', 'b', 'c'));
      call();
      call();
      expect(meter.size).toBe(3);
      source.complete();
      // One for each call under way.
      expect([counts(), meter.size]).toEqual([[1, 1, 0], 2]);
      end('a');
      expect(meter.size).toBe(1);
      for (let more = 0; more < 5; more++) call();
      expect(counts()).toEqual([2, 2, 2]);
      end('b');
      expect(hosts(picker, 2)).toEqual(['b', 'b']);
      while (calls.length > 0) end(calls[0]!.host);
      expect(meter.size).toBe(0);
      expect(new Set(hosts(picker, 6)).size).toBe(3);
    });
  });

  describe('when the source has failed', () => {
    it('fails calls with the same error, also those that waited', async () => {
      const { source, picker, errors } = follow();
      const waiting = picker.run(({ host }) => host);
      source.error(new Error('boom'));
      expect(errors).toEqual([new Error('boom')]);
      await expect(waiting).rejects.toThrow('boom');
      await expect(picker.run(({ host }) => host)).rejects.toThrow('boom');
      expect([picker.pick(), picker.size]).toEqual([undefined, 0]);
    });

    it('leaves calls alone that are under way, and holds nothing', () => {
      const meter = new CallMeter();
      const { source, picker } = follow(leastLoaded(IN_ORDER), { meter });
      source.next(setOf('a', 'b'));
      const call = new Subject<string>();
      const answers: string[] = [];
      picker.use(() => call).subscribe((answer) => answers.push(answer));
      source.error(new Error('boom'));
      expect(meter.size).toBe(1);
      call.next('still here');
      call.complete();
      expect(answers).toEqual(['still here']);
      expect(meter.size).toBe(0);
    });
  });

  describe('when nobody is subscribed any more', () => {
    it('goes on with the last set, and holds nothing but that', async () => {
      const meter = new CallMeter();
      const { source, picker, subscription } = follow(leastLoaded(IN_ORDER), { meter });
      source.next(setOf('a', 'b'));
      const underWay = new Subject<number>();
      const call = lastValueFrom(picker.use(() => underWay));
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
      expect(new Set([await picker.run(({ host }) => host), await picker.run(({ host }) => host)]).size).toBe(1);
      underWay.next(1);
      underWay.complete();
      expect(await call).toBe(1);
      expect(new Set(hosts(picker, 4))).toEqual(new Set(['a', 'b']));
      expect(meter.size).toBe(0);
    });

    it('fails calls that wait where the last set is empty, and those after them', async () => {
      const { source, picker, subscription } = follow(leastLoaded(IN_ORDER), { waitMs: 60_000 });
      source.next(setOf());
      const late = picker.run(({ host }) => host);
      subscription.unsubscribe();
      await expect(late).rejects.toThrow(NoInstanceError);
      await expect(picker.run(({ host }) => host)).rejects.toThrow(NoInstanceError);
    });

    it('has a set for one who took the picker and left before there was any', async () => {
      let subscriptions = 0;
      const source = defer(
        () => ((subscriptions += 1), merge(timer(0, asapScheduler).pipe(map(() => setOf('a'))), NEVER)),
      );
      const picker = await firstValueFrom(source.pipe(balance(roundRobin(IN_ORDER))));
      expect(picker.pick()).toBeUndefined();
      const calls = [picker.run(({ host }) => host), picker.run(({ host }) => host)];
      expect(await Promise.all(calls)).toEqual(['a', 'a']);
      expect(await picker.run(({ host }) => host)).toBe('a');
      expect(subscriptions).toBe(1);
    });

    it('asks for the set again for calls that waited for the first one when the last subscriber left', async () => {
      const { source, picker, subscription } = follow();
      const call = picker.run(({ host }) => host);
      subscription.unsubscribe();
      source.next(setOf('a'));
      expect(await call).toBe('a');
      expect(source.observed).toBe(false);
      source.next(setOf('b'));
      expect(picker.pick()?.host).toBe('a');
    });

    it('fails calls where the set fails, or does not come in time', async () => {
      const failing = await firstValueFrom(throwError(() => new Error('boom')).pipe(balance(roundRobin(IN_ORDER))));
      await expect(failing.run(({ host }) => host)).rejects.toThrow('boom');
      const silent = await firstValueFrom(NEVER.pipe(balance(roundRobin(IN_ORDER), { startMs: 1 })));
      await expect(silent.run(({ host }) => host)).rejects.toThrow('no set of instances has come');
    });
  });

  it('counts with the meter it is given', () => {
    const meter = new CallMeter();
    const { source } = follow(roundRobin(IN_ORDER), { meter });
    source.next(setOf('a'));
    expect(meter.inFlight(keyOf('a'))).toBe(0);
    expect(meter.size).toBe(1);
  });

  it.each([
    { waitMs: -1 },
    { waitMs: NaN },
    { waitMs: 2 ** 31 },
    { waitMs: '5' as never },
    { startMs: -1 },
    { isFailure: true as never },
    { meter: {} as never },
  ])('refuses %j before anything is subscribed to', (options) => {
    expect(() => balance(roundRobin(IN_ORDER), options)).toThrow(InvalidOptionError);
  });

  it('refuses what is no balancer', () => {
    expect(() => balance('roundRobin' as never)).toThrow(InvalidOptionError);
  });
});
