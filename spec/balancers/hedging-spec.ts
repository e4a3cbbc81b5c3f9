import { concat, map, mergeMap, NEVER, type Observable, of, retry, Subject, take, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  balance,
  type BalanceOptions,
  CallMeter,
  type CallOutcome,
  consistentHash,
  type HedgeOptions,
  type Picker,
  roundRobin,
} from '../../lib/balancers/index.js';
import { instanceKey, type ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError, RegistryError } from '../../lib/errors.js';
import { InstanceSet } from '../../lib/instances/index.js';
import { type CallDiagrams, fakeInstances, marbleCalls } from '../../lib/testing/index.js';
import { VirtualTime } from '../support/virtual/index.js';
import { IN_ORDER } from '../support/inOrder.js';

const [a, b, c] = fakeInstances(3) as [ServiceUrl, ServiceUrl, ServiceUrl];
const HOSTS = { a: a.host, b: b.host, c: c.host };
const setOf = (...instances: readonly ServiceUrl[]): InstanceSet =>
  new InstanceSet(new Map(instances.map((each) => [instanceKey(each), each])));

describe('Picker.hedge', () => {
  let scheduler: TestScheduler;
  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  /** Plays diagrams of the calls to instances, in turn, and says what is there to expect. */
  const play = (
    script: readonly CallDiagrams[],
    body: (
      stage: {
        readonly hedge: (options?: Partial<HedgeOptions>) => Observable<string>;
        readonly calls: ReturnType<typeof marbleCalls>;
        readonly picker: Picker;
        readonly outcomes: CallOutcome[];
        readonly meter: CallMeter;
      },
      helpers: Parameters<Parameters<TestScheduler['run']>[0]>[0],
    ) => void,
    balanceOptions: BalanceOptions = {},
  ): void =>
    scheduler.run((helpers) => {
      const calls = marbleCalls(script);
      const meter = new CallMeter({ scheduler });
      const outcomes: CallOutcome[] = [];
      meter.outcomes.subscribe((outcome) => outcomes.push(outcome));
      let picker!: Picker;
      const set = setOf(...script.map(([instance]) => instance));
      concat(of(set), NEVER)
        .pipe(balance(roundRobin(IN_ORDER), { meter, scheduler, ...balanceOptions }))
        .subscribe((each) => (picker = each));
      const hedge = (options: Partial<HedgeOptions> = {}): Observable<string> =>
        picker.hedge(calls.call, { afterMs: 4, ...options });
      body({ hedge, calls, picker, outcomes, meter }, helpers);
    });

  it('calls another one when the first is slow: the first answer wins, and the other call is cancelled', () => {
    const counts: unknown[] = [];
    play(
      [
        [a, '----------x|'],
        [b, '---y-z|'],
      ],
      ({ hedge, calls, picker, outcomes }, { expectObservable, flush }) => {
        expectObservable(calls.begun).toBe('a---b', HOSTS);
        expectObservable(calls.cancelled).toBe('-------a', HOSTS);
        expectObservable(hedge()).toBe('  -------y-z|');
        flush();
        counts.push(
          picker.hedges,
          outcomes.map(({ key, ok }) => [key, ok]),
        );
      },
    );
    expect(counts).toEqual([{ calls: 1, sent: 1, won: 1, withheld: 0 }, [[instanceKey(b), true]]]);
  });

  it('makes no other call when the first answers in time, though it goes on', () => {
    play(
      [
        [a, '---x------z|'],
        [b, 'y|'],
      ],
      ({ hedge, calls, picker }, { expectObservable, flush }) => {
        expectObservable(calls.begun).toBe('a', HOSTS);
        expectObservable(hedge()).toBe('  ---x------z|');
        flush();
        expect(picker.hedges).toEqual({ calls: 1, sent: 0, won: 0, withheld: 0 });
      },
    );
  });

  it('lets the first one win that answers after all', () => {
    play(
      [
        [a, '-----x|'],
        [b, '---y|'],
      ],
      ({ hedge, calls, picker }, { expectObservable, flush }) => {
        expectObservable(calls.begun).toBe('a---b', HOSTS);
        expectObservable(calls.cancelled).toBe('-----b', HOSTS);
        expectObservable(hedge()).toBe('    -----x|');
        flush();
        expect(picker.hedges).toMatchObject({ sent: 1, won: 0 });
      },
    );
  });

  it('takes the end of a call without a value for an answer', () => {
    play(
      [
        [a, '-'],
        [b, '--|'],
      ],
      ({ hedge, calls }, { expectObservable }) => {
        expectObservable(calls.cancelled).toBe('------a', HOSTS);
        expectObservable(hedge()).toBe('    ------|');
      },
    );
  });

  it('goes on to further ones, each after as long, up to the most', () => {
    const script: CallDiagrams[] = [
      [a, '-'],
      [b, '-'],
      [c, '--z|'],
    ];
    play(script, ({ hedge, calls }, { expectObservable }) => {
      expectObservable(calls.begun).toBe('a---b---c', HOSTS);
      expectObservable(calls.cancelled).toBe('----------(ab)', HOSTS);
      expectObservable(hedge({ max: 3 })).toBe('----------z|');
    });
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    play(script, ({ hedge, calls }, { expectObservable }) => {
      expectObservable(calls.begun).toBe('a---b', HOSTS);
      expectObservable(hedge({ max: 2 }), '--------------!').toBe('---------------');
    });
  });

  it('makes one call with a maximum of one', () => {
    play(
      [
        [a, '-----x|'],
        [b, 'y|'],
      ],
      ({ hedge, calls }, { expectObservable }) => {
        expectObservable(calls.begun).toBe('a', HOSTS);
        expectObservable(hedge({ max: 1 })).toBe('-----x|');
      },
    );
  });

  it.each([
    ['-#', '-a-----', '-b', '--y|', '---y|'],
    ['#', 'a', '(ab)', '--y|', '--y|'],
  ])('brings the next call forward when one fails: %s', (first, _a, begun, second, expected) => {
    play(
      [
        [a, first],
        [b, second],
      ],
      ({ hedge, calls }, { expectObservable }) => {
        expectObservable(calls.begun).toBe(begun === '-b' ? 'ab' : begun, HOSTS);
        expectObservable(hedge()).toBe(expected);
      },
    );
  });

  it('waits for another call when one fails, and errors with the last error when all have failed', () => {
    play(
      [
        [a, '------x|'],
        [b, '-#'],
      ],
      ({ hedge, outcomes }, { expectObservable, flush }) => {
        expectObservable(hedge()).toBe('------x|');
        flush();
        expect(outcomes.map(({ ok }) => ok)).toEqual([false, true]);
      },
    );
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    play(
      [
        [a, '------#'],
        [b, '-#'],
      ],
      ({ hedge }, { expectObservable }) => {
        expectObservable(hedge().pipe(map(() => ''))).toBe(
          '------#',
          undefined,
          new Error(`The call to ${a.host} failed.`),
        );
      },
    );
  });

  it('errors with an answer that goes wrong later', () => {
    play(
      [
        [a, '--x--#'],
        [b, 'y|'],
      ],
      ({ hedge, calls }, { expectObservable }) => {
        expectObservable(calls.begun).toBe('a', HOSTS);
        expectObservable(hedge()).toBe('--x--#', undefined, new Error(`The call to ${a.host} failed.`));
      },
    );
  });

  it('calls nobody twice: with one instance, or none but those to avoid, there is no other call', () => {
    play([[a, '---------x|']], ({ hedge, picker }, { expectObservable, flush }) => {
      expectObservable(hedge({ max: 5 })).toBe('---------x|');
      flush();
      expect(picker.hedges).toEqual({ calls: 1, sent: 0, won: 0, withheld: 0 });
    });
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    play(
      [
        [a, '---------x|'],
        [b, 'y|'],
      ],
      ({ hedge, calls }, { expectObservable }) => {
        expectObservable(calls.begun).toBe('a', HOSTS);
        expectObservable(hedge({ avoid: b })).toBe('---------x|');
      },
    );
  });

  it('cancels all calls when it is unsubscribed from', () => {
    play(
      [
        [a, '-'],
        [b, '-'],
      ],
      ({ hedge, calls, meter }, { expectObservable, flush }) => {
        expectObservable(calls.cancelled).toBe('------(ab)', HOSTS);
        expectObservable(hedge(), '------!').toBe('-');
        flush();
        expect([a, b].map((each) => meter.inFlight(instanceKey(each)))).toEqual([0, 0]);
      },
    );
  });

  it('takes one that leaves with the answer for one that has it', () => {
    play(
      [
        [a, '-'],
        [b, '-y--z|'],
      ],
      ({ hedge, outcomes }, { expectObservable, flush }) => {
        expectObservable(hedge().pipe(take(1))).toBe('-----(y|)');
        flush();
        expect(outcomes.map(({ key, ok }) => [key, ok])).toEqual([[instanceKey(b), true]]);
      },
    );
  });

  it('is tried again elsewhere, as a use is', () => {
    play(
      [
        [a, '-#'],
        [b, '-#'],
        [c, '-z|'],
      ],
      ({ hedge, calls }, { expectObservable }) => {
        expectObservable(calls.begun).toBe('abc', HOSTS);
        expectObservable(hedge().pipe(retry(1))).toBe('---z|');
      },
    );
  });

  it('waits for an instance first, and the time of the call begins with it', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const calls = marbleCalls([
        [a, '--------x|'],
        [b, '-y|'],
      ]);
      const picker = cold('------s', { s: setOf(a, b) }).pipe(balance(roundRobin(IN_ORDER), { scheduler }));
      expectObservable(calls.begun).toBe('------a---b', HOSTS);
      expectObservable(picker.pipe(mergeMap((now) => now.hedge(calls.call, { afterMs: 4 })))).toBe('-----------y');
    });
  });

  it('calls by key whose turn it is without those that are being called', () => {
    const time = new VirtualTime();
    let picker!: Picker;
    concat(of(setOf(a, b, c)), NEVER)
      .pipe(balance(consistentHash(), { scheduler: time.scheduler, maxHedgedShare: 1 }))
      .subscribe((each) => (picker = each));
    for (let index = 0; index < 20; index++) {
      const key = `user-${index}`;
      const called: string[] = [];
      const home = picker.pick(key)!;
      const next = picker.pick(key, { avoid: home })!;
      const subscription = picker.hedge(key, ({ host }) => (called.push(host), NEVER), { afterMs: 10 }).subscribe();
      time.pass(10);
      expect(called).toEqual([home.host, next.host]);
      subscription.unsubscribe();
    }
  });

  describe('is bounded to a share of the traffic', () => {
    /** So many calls that are all slow, one after another. */
    const slow = (calls: number, options: BalanceOptions = {}): Picker => {
      const time = new VirtualTime();
      const { scheduler: virtual } = time;
      let picker!: Picker;
      concat(of(setOf(a, b, c)), NEVER)
        .pipe(balance(roundRobin(IN_ORDER), { scheduler: virtual, ...options }))
        .subscribe((each) => (picker = each));
      for (let call = 0; call < calls; call++) {
        picker.hedge(() => timer(100, virtual), { afterMs: 10, max: 3 }).subscribe();
        time.pass(100);
      }
      return picker;
    };

    it('of a tenth, and ten more, if it is told nothing', () => {
      const { hedges } = slow(1_000);
      expect(hedges.calls).toBe(1_000);
      expect(hedges.sent).toBeGreaterThanOrEqual(100);
      expect(hedges.sent).toBeLessThanOrEqual(110);
      expect(hedges.withheld).toBeGreaterThan(500);
    });

    it.each([
      [0, 0, 0],
      [0.01, 10, 20],
      [1, 999, 1_010],
    ])('of %d', (maxHedgedShare, least, most) => {
      const { sent } = slow(1_000, { maxHedgedShare }).hedges;
      expect(sent).toBeGreaterThanOrEqual(least);
      expect(sent).toBeLessThanOrEqual(most);
    });

    it('that all calls through the picker make, those that are not hedged too', async () => {
      const picker = slow(40);
      const before = picker.hedges.sent;
      for (let call = 0; call < 200; call++) await picker.run(() => call);
      const calls: Subject<number>[] = [];
      for (let call = 0; call < 12; call++) {
        picker
          .hedge(() => (calls.push(new Subject()), throwError(() => new Error('503'))), { afterMs: 10 })
          .subscribe({
            error: () => undefined,
          });
      }
      expect(picker.hedges.sent - before).toBeGreaterThanOrEqual(10);
    });
  });

  it.each([
    [undefined],
    [{}],
    [{ afterMs: -1 }],
    [{ afterMs: NaN }],
    [{ afterMs: '50' }],
    [{ afterMs: 1, max: 0 }],
    [{ afterMs: 1, max: 1.5 }],
    [{ afterMs: 1, deadlineMs: 0 }],
  ])('refuses %j', (options) => {
    play([[a, '-']], ({ picker }) => {
      expect(() => picker.hedge(() => of(1), options as HedgeOptions)).toThrow(InvalidOptionError);
    });
  });

  it.each([-0.1, 1.1, NaN])('cannot have the share %d', (maxHedgedShare) => {
    expect(() => balance(roundRobin(IN_ORDER), { maxHedgedShare })).toThrow(InvalidOptionError);
  });
});

describe('the deadline of a use', () => {
  let scheduler: TestScheduler;
  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });
  const LATE = new RegistryError('TIMEOUT', 'The call was not over within 10 ms.');
  const follow = (options: BalanceOptions = {}, ...instances: ServiceUrl[]) => {
    const meter = new CallMeter({ scheduler });
    const outcomes: CallOutcome[] = [];
    meter.outcomes.subscribe((outcome) => outcomes.push(outcome));
    let picker!: Picker;
    concat(of(setOf(...instances)), NEVER)
      .pipe(balance(roundRobin(IN_ORDER), { meter, scheduler, ...options }))
      .subscribe((each) => (picker = each));
    return { picker, outcomes, meter };
  };

  it('ends a call that takes too long, which is the instance’s fault', () => {
    scheduler.run(({ expectObservable, flush }) => {
      const calls = marbleCalls([[a, '--x']]);
      const { picker, outcomes, meter } = follow({}, a);
      expectObservable(calls.cancelled).toBe('----------a', HOSTS);
      expectObservable(picker.use(calls.call, { deadlineMs: 10 })).toBe('--x-------#', undefined, LATE);
      flush();
      expect(outcomes.map(({ ok, latencyMs }) => [ok, latencyMs])).toEqual([[false, 10]]);
      expect(meter.inFlight(instanceKey(a))).toBe(0);
    });
  });

  it('does not matter to a call that is over in time, and leaves no timer', () => {
    scheduler.run(({ expectObservable, flush }) => {
      const calls = marbleCalls([[a, '--x|']]);
      const { picker, outcomes } = follow({}, a);
      expectObservable(picker.use(calls.call, { deadlineMs: 10 })).toBe('--x|');
      flush();
      expect(outcomes.map(({ ok }) => ok)).toEqual([true]);
      expect(scheduler.actions).toEqual([]);
    });
  });

  it('is one for all attempts, and the call is told how much is left', () => {
    scheduler.run(({ expectObservable, flush }) => {
      const calls = marbleCalls([
        [a, '----#'],
        [b, '-----------y|'],
      ]);
      const { picker, outcomes } = follow({}, a, b);
      const left: number[] = [];
      const use = picker.use((target, context) => (left.push(context.remainingMs), calls.call(target)), {
        deadlineMs: 10,
      });
      expectObservable(use.pipe(retry(1))).toBe('----------#', undefined, LATE);
      flush();
      expect(left).toEqual([10, 6]);
      expect(outcomes.map(({ ok }) => ok)).toEqual([false, false]);
    });
  });

  it('begins anew after a success, and after it was over', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const calls = marbleCalls([[a, ['------x|', '-', '-------x|']]]);
      const { picker } = follow({}, a);
      const use = picker.use(calls.call, { deadlineMs: 10 });
      expectObservable(use).toBe('------x|');
      expectObservable(cold('10ms s').pipe(mergeMap(() => use))).toBe('20ms #', undefined, LATE);
      expectObservable(cold('30ms s').pipe(mergeMap(() => use))).toBe('37ms x');
    });
  });

  it('is one for each of several that are under way', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const calls = marbleCalls([[a, '--------x|']]);
      const { picker } = follow({}, a);
      const use = picker.use(calls.call, { deadlineMs: 10 });
      expectObservable(use).toBe('                               --------x|');
      expectObservable(cold('-----s|').pipe(mergeMap(() => use))).toBe('-------------x|');
    });
  });

  it('covers the wait for an instance', () => {
    scheduler.run(({ cold, expectObservable }) => {
      let picker!: Picker;
      cold<InstanceSet>('-')
        .pipe(balance(roundRobin(IN_ORDER), { scheduler }))
        .subscribe((each) => (picker = each));
      expectObservable(picker.use(() => of(1), { deadlineMs: 10 })).toBe('----------#', undefined, LATE);
    });
  });

  it('covers all calls of a hedge', () => {
    scheduler.run(({ expectObservable, flush }) => {
      const calls = marbleCalls([
        [a, '-'],
        [b, '-'],
      ]);
      const { picker, outcomes } = follow({}, a, b);
      expectObservable(picker.hedge(calls.call, { afterMs: 3, deadlineMs: 10 })).toBe('----------#', undefined, LATE);
      flush();
      expect(outcomes.map(({ ok }) => ok)).toEqual([false, false]);
    });
  });

  it('is without end if there is none', async () => {
    const { picker } = follow({}, a);
    expect(await picker.run((_, { remainingMs }) => remainingMs)).toBe(Infinity);
  });

  it('ends a promise too', async () => {
    const time = new VirtualTime();
    let picker!: Picker;
    concat(of(setOf(a)), NEVER)
      .pipe(balance(roundRobin(IN_ORDER), { scheduler: time.scheduler }))
      .subscribe((each) => (picker = each));
    let isAborted = false;
    const run = picker.run(
      (_, { signal }) => {
        signal.addEventListener('abort', () => (isAborted = true));
        return new Promise<number>(() => undefined);
      },
      { deadlineMs: 50 },
    );
    await expect(time.settle(run)).rejects.toMatchObject({ code: 'TIMEOUT', retriable: true });
    expect(isAborted).toBe(true);
  });
});
