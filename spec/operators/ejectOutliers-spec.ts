import fc from 'fast-check';
import {
  map,
  type MonoTypeOperatorFunction,
  NEVER,
  type Observable,
  type SchedulerLike,
  Subject,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import { type Ejection, ejectOutliers, type EjectOutliersOptions, panic } from '../../lib/operators/index.js';
import { outliers } from '../../lib/operators/outlierDetector.js';
import { keepsTheContract } from './support/contract.js';
import { countWork } from './support/countWork.js';
import { at, histories, type Moment } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { keyOf, textOf, writeText } from './support/sets.js';

/** Calls as texts: `a` is one to `a` that failed, `A` one that went well. */
type Outcome = { readonly key: string; readonly ok: boolean };
const outcomeOf = (letter: string): Outcome => ({ key: keyOf(letter), ok: letter === letter.toUpperCase() });

/** Everybody may be ejected, the second failure ejects for 4 ms, then 8, at most 16. */
const ejecting = (
  calls: Observable<string>,
  scheduler: SchedulerLike,
  options: EjectOutliersOptions = {},
): MonoTypeOperatorFunction<InstanceSet> =>
  ejectOutliers(calls.pipe(map(outcomeOf)), {
    consecutiveFailures: 2,
    baseEjectionMs: 4,
    maxEjectionMs: 16,
    maxEjectedShare: 1,
    intervalMs: 100,
    scheduler,
    ...options,
  });

const CONTENTS = { x: 'abc', y: 'bc', z: 'ab', w: 'c', v: 'ac', '.': '.' };

describe('ejectOutliers', () => {
  keepsTheContract((scheduler) => ejectOutliers(NEVER, { scheduler }));

  it('leaves out who fails so often in a row, and readmits it after a time', () =>
    marbles(({ cold, hot, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('x--------------|', CONTENTS);
      const calls = hot('  -aAa-a---------|');
      const expected = '   x----y---x-----|';
      expectObservable(through(source, ejecting(calls, scheduler))).toBe(expected, CONTENTS);
      expectSubscriptions(source.subscriptions).toBe('^--------------!');
      expectSubscriptions(calls.subscriptions).toBe(' ^--------------!');
    }));

  it('ejects for twice as long each time, up to a bound', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const source = cold('x------------------------------------------------------------|', CONTENTS);
      const calls = hot('  -aa-----aa----------aa-------------------aa');
      const expected = '   x-y---x--y-------x---y---------------x----y---------------x--|';
      expectObservable(through(source, ejecting(calls, scheduler))).toBe(expected, CONTENTS);
    }));

  it('takes a step back for an interval in which it served from beginning to end', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const source = cold('x------------------------------|', CONTENTS);
      // An interval begins with a call: the first one at 1, the one that it serves in at 12.
      const calls = hot('  -aa----A----A----------aa-------');
      const expected = '   x-y---x-----------------y---x--|';
      expectObservable(through(source, ejecting(calls, scheduler, { intervalMs: 10 }))).toBe(expected, CONTENTS);
    }));

  it.each([
    ['that it was out for', '     -aa----aa---------', 3],
    ['that it was out for a part of', '-aa----A-aa-------', 8],
    ['in which nobody called it', ' -aa----bB--bB--aa--', 3],
    ['in which most calls failed', '-aa---aAaaAa-aAa-aa', 3],
  ])('takes no step back for an interval %s', (_, letters, intervalMs) => {
    const scheduler = new VirtualTimeScheduler();
    const ledger = new InstanceLedger();
    const [source, calls] = [new Subject<InstanceSet>(), new Subject<string>()];
    const times: number[] = [];
    const ejections = { next: (news: Ejection) => void (news.type === 'ejected' && times.push(news.forMs)) };
    source.pipe(ejecting(calls, scheduler, { intervalMs, ejections })).subscribe();
    source.next(writeText(ledger, 'abc'));
    [...letters.trim()].forEach((letter, ms) => {
      if (letter !== '-') scheduler.schedule(() => calls.next(letter), ms);
    });
    scheduler.flush();
    expect(times).toEqual([4, 8]);
  });

  it('does not count calls to who is ejected or unknown', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const source = cold('---z-----z-----x--|', CONTENTS);
      const calls = hot('  aaa-aaaacc-c-a----');
      const expected = '   ---z-q---z-----x--|';
      expectObservable(through(source, ejecting(calls, scheduler))).toBe(expected, { ...CONTENTS, q: 'b' });
    }));

  it('does not forget who changes', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const source = cold('x-X--x----|', { ...CONTENTS, X: 'Abc' });
      const calls = hot('  -a-a-------');
      const expected = '   x-Xy---x--|';
      expectObservable(through(source, ejecting(calls, scheduler))).toBe(expected, { ...CONTENTS, X: 'Abc' });
    }));

  it('forgets who leaves', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const source = cold('x-y-x---yx---|', CONTENTS);
      const calls = hot('  -a---aa-------');
      const expected = '   x-y-x-y--x---|';
      expectObservable(through(source, ejecting(calls, scheduler))).toBe(expected, CONTENTS);
    }));

  it('tells of an ejection, and what becomes of it, before the set', () => {
    const scheduler = new VirtualTimeScheduler();
    const ledger = new InstanceLedger();
    const [source, calls] = [new Subject<InstanceSet>(), new Subject<string>()];
    const told: unknown[] = [];
    const ejections = {
      next: ({ type, key, ...rest }: Ejection) =>
        told.push([scheduler.now(), type, key, 'reason' in rest ? [rest.reason, rest.forMs] : undefined]),
    };
    source
      .pipe(ejecting(calls, scheduler, { ejections }))
      .subscribe((set) => told.push([scheduler.now(), textOf(set)]));
    source.next(writeText(ledger, 'abc'));
    for (const letter of 'aabb') calls.next(letter);
    scheduler.schedule(() => source.next(writeText(ledger, 'bc')), 2);
    scheduler.flush();
    expect(told).toEqual([
      [0, 'abc'],
      [0, 'ejected', keyOf('a'), ['consecutive-failures', 4]],
      [0, 'bc'],
      [0, 'ejected', keyOf('b'), ['consecutive-failures', 4]],
      [0, 'c'],
      [2, 'left', keyOf('a'), undefined],
      [4, 'readmitted', keyOf('b'), undefined],
      [4, 'bc'],
    ]);
  });

  it.each([
    ['abcdefghij', 0.3, 3],
    ['abcdefghij', 0.39, 3],
    ['abcdefghij', 0.7, 4],
    ['abcdefghij', 1, 4],
    ['abc', 0.1, 1],
    ['ab', 0.1, 1],
    ['ab', 0, 0],
    ['a', 0.9, 0],
    ['a', 1, 1],
    ['abcdefghij', undefined, 1],
  ])('of %s leaves out at most the share %s', (text, maxEjectedShare, expected) => {
    const ledger = new InstanceLedger();
    const [source, calls] = [new Subject<InstanceSet>(), new Subject<string>()];
    let size = 0;
    const options = { maxEjectedShare } as EjectOutliersOptions;
    source.pipe(ejecting(calls, new VirtualTimeScheduler(), options)).subscribe((set) => (size = set.size));
    source.next(writeText(ledger, text));
    for (const letter of 'aabbccdd') calls.next(letter);
    expect(text.length - size).toBe(expected);
  });

  describe('(envoyproxy/envoy #26758) of six, one that fails three of five calls, called every 10 ms in turn', () => {
    // Rates are compared in each interval that it serves in, so it is ejected every time; 20 minutes as in the report.
    it.each([
      [30_000, 10_000, [30, 60, 120, 240, 300]],
      [25_000, 10_000, [25, 50, 100, 200, 300]],
      [60_000, 10_000, [60, 120, 240, 300]],
      [60_000, 30_000, [60, 120, 240, 300]],
    ])('base %i ms, interval %i ms: is ejected for %j s and no less', (baseEjectionMs, intervalMs, seconds) => {
      const scheduler = new VirtualTimeScheduler(undefined, 20 * 60_000);
      const ledger = new InstanceLedger();
      const [source, outcomes] = [new Subject<InstanceSet>(), new Subject<Outcome>()];
      const times: number[] = [];
      const ejections = { next: (news: Ejection) => void (news.type === 'ejected' && times.push(news.forMs / 1_000)) };
      const options = { consecutiveFailures: Infinity, maxEjectedShare: 0.2, baseEjectionMs, intervalMs };
      let present: readonly string[] = [];
      source
        .pipe(ejectOutliers(outcomes, { ...options, ejections, scheduler }))
        .subscribe((set) => (present = [...set.keys()]));
      source.next(writeText(ledger, 'abcdef'));
      let calls = 0;
      let callsOfBad = 0;
      const call = (): void => {
        const key = present[calls++ % present.length]!;
        outcomes.next({ key, ok: key !== keyOf('a') || callsOfBad++ % 5 >= 3 });
        scheduler.schedule(call, 10);
      };
      scheduler.schedule(call, 10);
      scheduler.flush();
      expect(times.slice(0, seconds.length)).toEqual(seconds);
      expect(times.slice(seconds.length).every((each) => each === 300)).toBe(true);
    });
  });

  it('readmits when the set shrinks under the share, those first whose turn is next', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const contents = { x: 'abcdefgh', p: 'bcdefgh', q: 'cdefgh', y: 'abc', r: 'ac' };
      const source = cold('x----y-----|', contents);
      const calls = hot('  -(aa)-------');
      const more = hot('   --(bb)------');
      const both = new Subject<string>();
      calls.subscribe(both);
      more.subscribe(both);
      const expected = '   xpq--r-----|';
      const options = { maxEjectedShare: 0.5, baseEjectionMs: 16 };
      expectObservable(through(source, ejecting(both, scheduler, options))).toBe(expected, contents);
    }));

  describe('by success rate', () => {
    const rating: EjectOutliersOptions = { consecutiveFailures: Infinity, intervalMs: 5, minHosts: 3, minRequests: 4 };
    const run = (calls: string, options: EjectOutliersOptions = {}, text = 'abcdef'): string[] => {
      const scheduler = new VirtualTimeScheduler(undefined, 8);
      const ledger = new InstanceLedger();
      const [source, outcomes] = [new Subject<InstanceSet>(), new Subject<string>()];
      const told: string[] = [];
      source
        .pipe(ejecting(outcomes, scheduler, { ...rating, ...options }))
        .subscribe((set) => told.push(`${scheduler.now()} ${textOf(set)}`));
      source.next(writeText(ledger, text));
      for (const letter of calls) outcomes.next(letter);
      scheduler.flush();
      return told;
    };
    const fine = 'BBBBCCCCDDDDEEEEFFFF';

    it('ejects at the end of an interval whose rate is an outlier', () => {
      expect(run(`aaAA${fine}`)).toEqual(['0 abcdef', '5 bcdef']);
    });

    it('ejects nobody of those who are all alike, good or bad', () => {
      expect(run(`AAAA${fine}`)).toEqual(['0 abcdef']);
      expect(run(`aaaa${fine}`.toLowerCase())).toEqual(['0 abcdef']);
    });

    it('does not judge by too few calls, nor by too few instances', () => {
      expect(run(`aaa${fine}`)).toEqual(['0 abcdef']);
      expect(run(`aaaa${fine}`, { minHosts: 6 })).toEqual(['0 abcdef', '5 bcdef']);
      expect(run(`aaaa${fine}`, { minHosts: 7 })).toEqual(['0 abcdef']);
      expect(run(`aaaa${fine}`, { minRequests: 5 })).toEqual(['0 abcdef']);
    });

    it('begins to count anew in every interval', () =>
      marbles(({ cold, hot, expectObservable }, scheduler) => {
        const source = cold('x------------------|', { x: 'abcdef' });
        const calls = hot('  (aaBBBBCCCCDDDD)----');
        const expected = '   x------------------|';
        // Four failures, but never four in one interval.
        const later = hot('  ------(aaBBBBCCCCDDDD)');
        const both = new Subject<string>();
        calls.subscribe(both);
        later.subscribe(both);
        expectObservable(through(source, ejecting(both, scheduler, rating))).toBe(expected, { x: 'abcdef' });
      }));

    it('prefers the worst where not all may be ejected', () => {
      const options = { deviations: 0.5, maxEjectedShare: 0.2 };
      expect(run(`aaAAbbbbCCCCDDDDEEEEFFFF`, options)).toEqual(['0 abcdef', '5 acdef']);
      expect(run(`aaAAbbbbCCCCDDDDEEEEFFFF`, { ...options, maxEjectedShare: 0.4 })).toEqual(['0 abcdef', '5 cdef']);
    });

    it('ejects fewer the more deviations it allows', () => {
      const calls = 'aaAAbBBBCCCCDDDDEEEEFFFF';
      expect(run(calls, { deviations: 0.5 }).at(-1)).toBe('5 cdef');
      expect(run(calls, { deviations: 1.9 }).at(-1)).toBe('5 bcdef');
      expect(run(calls, { deviations: 3 }).at(-1)).toBe('0 abcdef');
    });
  });

  it('has no timer while nothing is called or ejected', () => {
    const scheduler = new VirtualTimeScheduler();
    const ledger = new InstanceLedger();
    const [source, calls] = [new Subject<InstanceSet>(), new Subject<string>()];
    const subscription = source.pipe(ejecting(calls, scheduler)).subscribe();
    source.next(writeText(ledger, 'abc'));
    expect(scheduler.actions).toHaveLength(0);
    calls.next('a');
    expect(scheduler.actions).toHaveLength(1);
    calls.next('a');
    calls.next('b');
    expect(scheduler.actions).toHaveLength(1);
    // b's failure is remembered, which needs no timer.
    scheduler.flush();
    expect(scheduler.actions).toHaveLength(0);
    expect(scheduler.now()).toBeLessThan(1_000);
    calls.next('a');
    subscription.unsubscribe();
    expect(scheduler.actions).toHaveLength(0);
    expect([source.observed, calls.observed]).toEqual([false, false]);
  });

  it('goes on without outcomes, completes with the source, and errors with either', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const ended = ejecting(cold('-aa|'), scheduler);
      expectObservable(through(cold('x-------|', CONTENTS), ended)).toBe('x-y---x-|', CONTENTS);
      const calls = cold('-aa---');
      expectObservable(through(cold('x---|', CONTENTS), ejecting(calls, scheduler))).toBe('x-y-|', CONTENTS);
      expectSubscriptions(calls.subscriptions).toBe('^---!');
      const failed = ejecting(cold('-a#', undefined, 'why'), scheduler);
      const source = cold('x---', CONTENTS);
      expectObservable(through(source, failed)).toBe('x-#', CONTENTS, 'why');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }));

  it('takes an outcome that comes while it tells of an ejection', () => {
    const ledger = new InstanceLedger();
    const [source, calls] = [new Subject<InstanceSet>(), new Subject<string>()];
    const told: string[] = [];
    const ejections = {
      next: ({ key }: Ejection) => {
        if (key !== keyOf('a')) return;
        calls.next('b');
        calls.next('b');
      },
    };
    source.pipe(ejecting(calls, new VirtualTimeScheduler(), { ejections })).subscribe((set) => told.push(textOf(set)));
    source.next(writeText(ledger, 'abc'));
    calls.next('a');
    calls.next('a');
    expect(told).toEqual(['abc', 'c']);
  });

  it('lets panic see whom it left out', () =>
    marbles(({ cold, hot, expectObservable }, scheduler) => {
      const source = cold('x-----------|', CONTENTS);
      const calls = hot('  -aabb-------|');
      // Two of three are too many; a and b come back in turn.
      const expected = '   x-y-x-v-x---|';
      expectObservable(through(source, panic(ejecting(calls, scheduler)))).toBe(expected, CONTENTS);
    }));

  it('pays O(1) for an outcome, and for an interval what was called in it', () => {
    const scheduler = new VirtualTimeScheduler();
    const ledger = new InstanceLedger();
    const [source, outcomes] = [new Subject<InstanceSet>(), new Subject<Outcome>()];
    let emissions = 0;
    source.pipe(ejectOutliers(outcomes, { scheduler })).subscribe(() => (emissions += 1));
    const [url] = [...writeText(new InstanceLedger(), 'a')];
    ledger.write(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, url!] as const));
    source.next(ledger.set);
    const work = countWork(() => {
      for (let call = 0; call < 100; call += 1) outcomes.next({ key: `k${call % 10}`, ok: call % 10 !== 0 });
      scheduler.flush();
    });
    expect(emissions).toBe(3);
    expect(work / 100).toBeLessThan(20);
    for (let host = 0; host < 5_000; host += 1) outcomes.next({ key: `k${host}`, ok: true });
    scheduler.flush();
    const later = countWork(() => {
      outcomes.next({ key: 'k1', ok: true });
      scheduler.flush();
    });
    expect(later).toBeLessThan(50);
  });

  it('does what a plain simulation does, within its bounds', () => {
    const call = fc.record({ at: fc.nat({ max: 120 }), letter: fc.constantFrom(...'aaaaaaabbbbcdABCDEF') });
    fc.assert(
      fc.property(
        histories,
        fc.array(call, { maxLength: 120 }),
        fc.record({
          consecutiveFailures: fc.constantFrom(1, 1, 2, 3, Infinity),
          intervalMs: fc.integer({ min: 3, max: 20 }),
          minHosts: fc.constantFrom(1, 2, 3),
          minRequests: fc.constantFrom(1, 2),
          deviations: fc.constantFrom(0, 0.5, 1.2),
          baseEjectionMs: fc.constantFrom(2, 5, 5),
          maxEjectionMs: fc.constantFrom(5, 30),
          maxEjectedShare: fc.constantFrom(0, 0.2, 0.5, 1),
        }),
        (history, calls, limits) => {
          const sorted = calls.map(({ at: when, letter }) => ({ at: when, letter })).sort((a, b) => a.at - b.at);
          const scheduler = new VirtualTimeScheduler(undefined, 400);
          const ledger = new InstanceLedger();
          const [source, outcomes] = [new Subject<InstanceSet>(), new Subject<string>()];
          const told: Moment[] = [];
          const ejected: Extract<Ejection, { type: 'ejected' }>[] = [];
          const ejections = { next: (news: Ejection) => void (news.type === 'ejected' && ejected.push(news)) };
          const subscription = source
            .pipe(ejectOutliers(outcomes.pipe(map(outcomeOf)), { ...limits, ejections, scheduler }))
            .subscribe((set) => told.push({ at: scheduler.now(), text: textOf(set) }));
          for (const { at: when, text } of history)
            scheduler.schedule(() => source.next(writeText(ledger, text)), when);
          for (const { at: when, letter } of sorted) scheduler.schedule(() => outcomes.next(letter), when);
          scheduler.flush();
          subscription.unsubscribe();
          for (const { forMs } of ejected) {
            expect(forMs).toBeGreaterThanOrEqual(limits.baseEjectionMs);
            expect(forMs).toBeLessThanOrEqual(limits.maxEjectionMs);
          }
          const wanted = simulate(history, sorted, limits, 400);
          const began = history[0]!.at;
          const played = wanted.map((_, now) => at(told, now));
          expect(played.slice(began)).toEqual(wanted.slice(began));
          expect(told.at(-1)!.text).toBe(history.at(-1)!.text);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    [{ consecutiveFailures: 0 }],
    [{ consecutiveFailures: 1.5 }],
    [{ intervalMs: 0 }],
    [{ minHosts: 0 }],
    [{ minRequests: '1' }],
    [{ deviations: -1 }],
    [{ deviations: NaN }],
    [{ baseEjectionMs: 0 }],
    [{ maxEjectionMs: Infinity }],
    [{ baseEjectionMs: 10, maxEjectionMs: 5 }],
    [{ maxEjectedShare: 1.1 }],
  ])('refuses %j', (options) => {
    expect(() => ejectOutliers(NEVER, options as EjectOutliersOptions)).toThrow(InvalidOptionError);
  });
});

describe('outliers', () => {
  const of = (...rates: number[]) => rates.map((rate, i) => ({ key: `k${i}`, rate }));
  const ratesOf = (rates: number[], deviations: number) => outliers(of(...rates), deviations).map(({ rate }) => rate);

  it('are those below the mean by more than the deviations', () => {
    // Mean 0.9, standard deviation 0.2.
    expect(ratesOf([0.5, 1, 1, 1, 1], 1.9)).toEqual([0.5]);
    expect(ratesOf([0.5, 1, 1, 1, 1], 2.1)).toEqual([]);
  });

  it('are told the worst first, in the order of their keys if they are equally bad', () => {
    expect(ratesOf([1, 0.3, 1, 0.1, 1, 1, 1], 1)).toEqual([0.1, 0.3]);
    const equal = of(1, 0, 0, 1, 1, 1, 1);
    expect(outliers(equal.toReversed(), 1).map(({ key }) => key)).toEqual(['k1', 'k2']);
  });

  it('are none of those who are alike', () => {
    expect(ratesOf([0.3, 0.3, 0.3], 0)).toEqual([]);
  });
});

type Limits = {
  [L in Exclude<keyof EjectOutliersOptions, 'ejections' | 'scheduler'>]-?: NonNullable<EjectOutliersOptions[L]>;
};

/** What is left at every millisecond, by the rules as they are documented and nothing clever. */
function simulate(
  history: readonly Moment[],
  calls: readonly { readonly at: number; readonly letter: string }[],
  limits: Limits,
  untilMs: number,
): string[] {
  const left: string[] = [];
  let present = '';
  let began = false;
  let intervalEnds = Infinity;
  const ejectedUntil = new Map<string, number>();
  const failures = new Map<string, number>();
  const steps = new Map<string, number>();
  /** Who was out at some moment of this interval. */
  const wasOut = new Set<string>();
  let counted: { host: string; ok: boolean }[] = [];
  const hosts = (): string[] => [...present].map((letter) => letter.toLowerCase());
  const most = (): number => {
    const share = Math.floor(limits.maxEjectedShare * present.length);
    return present.length > 1 && limits.maxEjectedShare > 0 ? Math.max(1, share) : share;
  };
  const eject = (host: string, now: number): void => {
    if (ejectedUntil.size >= most()) return;
    const step = steps.get(host) ?? 0;
    ejectedUntil.set(host, now + Math.min(limits.maxEjectionMs, limits.baseEjectionMs * 2 ** step));
    steps.set(host, step + 1);
    wasOut.add(host);
    failures.delete(host);
    counted = counted.filter((call) => call.host !== host);
  };
  for (let now = 0; now < untilMs; now += 1) {
    for (const { text } of history.filter((moment) => moment.at === now)) {
      began = true;
      present = text.replace('.', '');
      for (const host of 'abcdef') {
        if (hosts().includes(host)) continue;
        ejectedUntil.delete(host);
        failures.delete(host);
        steps.delete(host);
        wasOut.delete(host);
        counted = counted.filter((call) => call.host !== host);
      }
      while (ejectedUntil.size > most()) ejectedUntil.delete(nextOf(ejectedUntil));
    }
    for (const { letter } of calls.filter((call) => call.at === now)) {
      const host = letter.toLowerCase();
      if (!began || !hosts().includes(host) || ejectedUntil.has(host)) continue;
      const ok = letter !== host;
      if (intervalEnds === Infinity) for (const other of wasOut) if (!ejectedUntil.has(other)) wasOut.delete(other);
      intervalEnds = Math.min(intervalEnds, now + limits.intervalMs);
      counted.push({ host, ok });
      failures.set(host, ok ? 0 : (failures.get(host) ?? 0) + 1);
      if (failures.get(host)! >= limits.consecutiveFailures) eject(host, now);
    }
    while (ejectedUntil.size > 0 && ejectedUntil.get(nextOf(ejectedUntil))! <= now)
      ejectedUntil.delete(nextOf(ejectedUntil));
    if (intervalEnds <= now) {
      const rates = [...new Set(counted.map(({ host }) => host))]
        .map((host) => ({ host, all: counted.filter((call) => call.host === host) }))
        .filter(({ all }) => all.length >= limits.minRequests)
        .map(({ host, all }) => ({ key: host, rate: all.filter(({ ok }) => ok).length / all.length }));
      if (rates.length >= limits.minHosts) for (const { key } of outliers(rates, limits.deviations)) eject(key, now);
      for (const [host, step] of steps) {
        const all = counted.filter((call) => call.host === host);
        const hasServed = all.length > 0 && 2 * all.filter(({ ok }) => ok).length >= all.length;
        if (hasServed && !wasOut.has(host)) steps.set(host, Math.max(0, step - 1));
      }
      counted = [];
      intervalEnds = Infinity;
    }
    left.push([...present].filter((letter) => !ejectedUntil.has(letter.toLowerCase())).join('') || '.');
  }
  return left;
}

/** Whose turn is next. */
function nextOf(ejectedUntil: ReadonlyMap<string, number>): string {
  return [...ejectedUntil].reduce((first, other) => (other[1] < first[1] ? other : first))[0];
}
