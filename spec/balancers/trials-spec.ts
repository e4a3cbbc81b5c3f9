import type { Observable } from 'rxjs';
import { BehaviorSubject, mergeMap, NEVER, of, Subject, throwError, timeout, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { balance, CallMeter, type Picker, roundRobin } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import type { InstanceSet } from '../../lib/instances/index.js';
import { type Ejection, ejectOutliers, panic } from '../../lib/operators/index.js';
import { VirtualTime } from '../support/virtual/index.js';
import { everyBalancer } from './everyBalancer.js';
import { keyOf, Sets, setOf } from './sets.js';
import { seeded } from './statistics.js';
import { IN_ORDER } from '../support/inOrder.js';

const BALANCERS = everyBalancer(seeded(61));

const NAMES = [...'abcdefghij'];

describe.each(BALANCERS)('a host that hangs, behind %s', (name, factory) => {
  // Of ten hosts one never answers; 500 calls a second that take 20 ms, or fail after a second. Each readmission let 50 calls
  // through by round robin before the first ones had failed, 304 in the report.
  it.each([
    ['', (operator: ReturnType<typeof ejectOutliers>) => operator],
    [' and panic', (operator: ReturnType<typeof ejectOutliers>) => panic(operator)],
  ])('(Netflix/Hystrix #1647) gets the three calls of a trial each time it is readmitted%s', (_name, around) => {
    const time = new VirtualTime();
    const { scheduler } = time;
    const meter = new CallMeter({ scheduler });
    const news: Ejection[] = [];
    let picker!: Picker;
    let hung = 0;
    let sinceReadmission = 0;
    const perTrial: number[] = [];
    const ejections = {
      next: (ejection: Ejection) => {
        news.push(ejection);
        if (ejection.type === 'ejected') perTrial.push(sinceReadmission);
        sinceReadmission = 0;
      },
    };
    new BehaviorSubject(setOf(...NAMES))
      .pipe(
        around(ejectOutliers(meter.outcomes, { baseEjectionMs: 5_000, ejections, scheduler })),
        balance(factory, { meter, scheduler }),
      )
      .subscribe((each) => (picker = each));
    let calls = 0;
    const isHung = (): boolean => time.now >= 1_000;
    const call = (): void => {
      picker
        .use(`user-${calls++ % 997}`, ({ host }): Observable<unknown> => {
          if (host !== 'a' || !isHung()) return timer(20, scheduler);
          hung += 1;
          sinceReadmission += 1;
          return NEVER.pipe(timeout({ each: 1_000, scheduler }));
        })
        .subscribe({ error: () => undefined });
      scheduler.schedule(call, 2);
    };
    scheduler.schedule(call, 2);
    time.pass(60_000);
    expect(hung).toBeGreaterThan(0);
    // 5, 10 and 20 s, each with a second before its trial has failed; those that go by load or latency see that it hangs.
    const ejected = news.filter(({ type }) => type === 'ejected').length;
    if (!/[lL]oad|powerOf|shortest|sticky/.test(name)) expect(ejected).toBeGreaterThanOrEqual(4);
    for (const lost of perTrial.slice(1)) expect(lost).toBeLessThanOrEqual(3);
  });

  it('has its share again once its trial went well', () => {
    const time = new VirtualTime();
    const { scheduler } = time;
    const sets = new Sets();
    const source = new BehaviorSubject(sets.only(...NAMES));
    let picker!: Picker;
    source.pipe(balance(factory, { scheduler })).subscribe((each) => (picker = each));
    let calls = 0;
    let counted = 0;
    const call = (): void => {
      picker
        .use(`user-${calls++}`, ({ host }) => {
          counted += Number(host === 'a');
          return timer(20, scheduler);
        })
        .subscribe();
      if (time.now < 20_000) scheduler.schedule(call, 1);
    };
    scheduler.schedule(call, 1);
    time.pass(1_000);
    source.next(sets.write({ a: undefined }));
    time.pass(1_000);
    source.next(sets.write({ a: 100 }));
    counted = 0;
    time.pass(5_000);
    // A tenth of 5,000, give or take what is chosen by lot or by hash.
    expect(counted).toBeGreaterThan(250);
    expect(counted).toBeLessThan(1_000);
  });
});

/** A picker by turns in virtual time whose calls end when the spec says. */
function stage(trialCalls?: number) {
  const time = new VirtualTime();
  const meter = new CallMeter({ scheduler: time.scheduler });
  const sets = new Sets();
  const source = new Subject<InstanceSet>();
  let picker!: Picker;
  source
    .pipe(balance(roundRobin(IN_ORDER), { meter, scheduler: time.scheduler, trialCalls }))
    .subscribe((each) => (picker = each));
  const calls: { readonly host: string; readonly answer: Subject<number> }[] = [];
  const call = (): string => {
    picker
      .use(({ host }) => {
        const answer = new Subject<number>();
        calls.push({ host, answer });
        return answer;
      })
      .subscribe({ error: () => undefined });
    return calls.at(-1)!.host;
  };
  const hosts = (times: number): string => Array.from({ length: times }, call).sort().join('');
  const answer = (host: string, end: (answer: Subject<number>) => void = (each) => each.complete()): void => {
    const index = calls.findIndex((each) => each.host === host);
    const [ended] = calls.splice(index, 1);
    time.pass(1);
    end(ended!.answer);
  };
  return { time, meter, picker, source, sets, call, hosts, answer };
}

describe('the trial of one that comes', () => {
  /** `a` has answered, and `b` comes. */
  function arrival(trialCalls?: number) {
    const staged = stage(trialCalls);
    const { source, sets, call, answer, time } = staged;
    source.next(sets.only('a'));
    call();
    answer('a');
    time.pass(10);
    source.next(sets.write({ b: 100 }));
    return staged;
  }

  it('is three calls, and no more before they have answered', () => {
    const { hosts, answer } = arrival();
    expect(hosts(10)).toBe('aaaaaaabbb');
    answer('b');
    answer('b');
    expect(hosts(4)).toBe('aaaa');
    answer('b');
    expect(hosts(10)).toBe('aaaaabbbbb');
  });

  it('begins anew with a call that fails', () => {
    const { hosts, answer } = arrival();
    hosts(6);
    answer('b');
    answer('b');
    answer('b', (each) => each.error(new Error('503')));
    expect(hosts(8)).toBe('aaaaabbb');
    for (let calls = 0; calls < 3; calls++) answer('b');
    expect(hosts(8)).toBe('aaaabbbb');
  });

  it('learns nothing of calls that were given up, and lets others through for them', () => {
    const { picker, hosts } = arrival();
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 4 }, () => picker.use(() => NEVER).subscribe());
      for (const call of calls) call.unsubscribe();
    }
    expect(hosts(10)).toBe('aaaaaaabbb');
  });

  it('takes the first value of a stream for an answer', () => {
    const { hosts, answer } = arrival();
    hosts(6);
    for (let calls = 0; calls < 3; calls++) answer('b', (each) => each.next(calls));
    expect(hosts(8)).toBe('aaaabbbb');
  });

  it.each([1, 5])('is %i calls if it is told so', (trialCalls) => {
    const { hosts } = arrival(trialCalls);
    expect(hosts(20)).toBe('a'.repeat(20 - trialCalls) + 'b'.repeat(trialCalls));
  });

  it('is none with Infinity', () => {
    const { hosts } = arrival(Infinity);
    expect(hosts(20)).toBe('a'.repeat(10) + 'b'.repeat(10));
  });

  it('is none for those who were there before anybody answered', () => {
    const { source, sets, hosts } = stage();
    source.next(sets.only('a'));
    source.next(sets.write({ b: 100 }));
    expect(hosts(20)).toBe('a'.repeat(10) + 'b'.repeat(10));
  });

  it('does not stand in the way where there are no others', () => {
    const { source, sets, hosts } = arrival();
    source.next(sets.write({ a: undefined, c: 100 }));
    expect(hosts(20)).toBe('b'.repeat(10) + 'c'.repeat(10));
  });

  it('does not count calls that were under way when it left', () => {
    const { source, sets, hosts, answer } = stage();
    source.next(sets.only('a', 'b'));
    expect(hosts(10)).toBe('aaaaabbbbb');
    answer('a');
    source.next(sets.write({ b: undefined }));
    source.next(sets.write({ b: 100 }));
    expect(hosts(10)).toBe('aaaaaaabbb');
    // Nor are they calls of the trial when they end.
    for (let calls = 0; calls < 5; calls++) answer('b');
    expect(hosts(4)).toBe('aaaa');
    for (let calls = 0; calls < 3; calls++) answer('b');
    expect(hosts(4)).toBe('aabb');
  });

  it('counts calls by all who share the meter', () => {
    const { meter, hosts } = arrival();
    for (let calls = 0; calls < 2; calls++) meter.begin(keyOf('b'));
    expect(hosts(10)).toBe('aaaaaaaaab');
  });

  it('lets a call that failed elsewhere through in spite of it, rather than to where it failed', () => {
    const { hosts, picker } = arrival();
    hosts(6);
    const called: string[] = [];
    const refused = picker.use(({ host }) => {
      called.push(host);
      return host === 'a' ? throwError(() => new Error('503')) : of(1);
    });
    refused.pipe(mergeMap(() => NEVER)).subscribe({ error: () => undefined });
    refused.subscribe({ error: () => undefined });
    expect(called).toEqual(['a', 'b']);
  });

  it.each([0, -1, 1.5, NaN, '3'])('cannot be %j calls', (trialCalls) => {
    expect(() => balance(roundRobin(IN_ORDER), { trialCalls: trialCalls as number })).toThrow(InvalidOptionError);
  });
});
