import fc from 'fast-check';
import { map, type MonoTypeOperatorFunction, of, type SchedulerLike, Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, InstanceSet } from '../../lib/instances/index.js';
import { warmUp, type WarmUpOptions } from '../../lib/operators/index.js';
import { warmingWeight } from '../../lib/operators/warmUp.js';
import { keepsTheContract } from './support/contract.js';
import { marbles } from './support/marbles.js';

/** When virtual time begins: the timestamps of providers are not close to zero. */
const START = 1_700_000_000_000;

/** The scheduler with a time of day, which can be set. */
function withTimeOfDay(scheduler: SchedulerLike, clock = { offset: START }): SchedulerLike {
  return { now: () => clock.offset + scheduler.now(), schedule: scheduler.schedule.bind(scheduler) };
}

const service = (host: string, parameters: string): ServiceUrl =>
  ServiceUrl.parse(`dubbo://${host}:1/x.Y?${parameters}`);
const setOf = (...services: ServiceUrl[]): InstanceSet =>
  new InstanceSet(new Map(services.map((url) => [url.host, url])));

/** A set as `a:33 b:100`. */
const weights = map((set: InstanceSet) =>
  set
    .toArray()
    .map(({ host, parameters }) => `${host}:${parameters.get('weight') ?? '-'}`)
    .sort()
    .join(' '),
);

/** Runs the operator with times that suit marbles: 10 ms to warm up, a tick every 2. */
const warming = (scheduler: SchedulerLike, options: WarmUpOptions = {}): MonoTypeOperatorFunction<InstanceSet> =>
  warmUp({ durationMs: 10, tickMs: 2, scheduler: withTimeOfDay(scheduler), ...options });

describe('warmUp', () => {
  keepsTheContract((scheduler) => warming(scheduler));

  it('lets the weight of one that has just started rise until it is warm', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const old = service('a', 'weight=50');
      const young = service('b', `timestamp=${START + 2}`);
      const source = cold('x-y---------------|', { x: setOf(old), y: setOf(old, young) });
      const expected = '   x-p-q-r-s-t-z-----|';
      expectObservable(source.pipe(warming(scheduler), weights)).toBe(expected, {
        x: 'a:50',
        p: 'a:50 b:1',
        q: 'a:50 b:20',
        r: 'a:50 b:40',
        s: 'a:50 b:60',
        t: 'a:50 b:80',
        z: 'a:50 b:-',
      });
      expectSubscriptions(source.subscriptions).toBe('^-----------------!');
    }));

  it('begins in the middle with one that started before', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('x--------|', { x: setOf(service('a', `timestamp=${START - 5}&weight=200`)) });
      const expected = '   p-q-r-z--|';
      expectObservable(source.pipe(warming(scheduler), weights)).toBe(expected, {
        p: 'a:100',
        q: 'a:140',
        r: 'a:180',
        z: 'a:200',
      });
    }));

  it('does as the instance says of itself', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('x-----|', {
        x: setOf(
          service('a', `timestamp=${START}&warmup=4&weight=10`),
          service('b', `timestamp=${START}&warmup=0`),
          service('c', `timestamp=${START}&weight=1`),
          service('d', `timestamp=${START}&weight=0`),
          service('e', `timestamp=0`),
          service('f', `timestamp=soon`),
          service('g', `timestamp=${START}&warmup=4&weight=heavy`),
        ),
      });
      const expected = '   p-q-r-|';
      const others = 'b:- c:1 d:0 e:- f:-';
      expectObservable(source.pipe(warming(scheduler), weights)).toBe(expected, {
        p: `a:1 ${others} g:1`,
        q: `a:5 ${others} g:50`,
        r: `a:10 ${others} g:heavy`,
      });
    }));

  it('reads the seconds of a Go provider', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const source = cold('x|', { x: setOf(service('a', `timestamp=${START / 1_000 - 4}`)) });
      expectObservable(source.pipe(warming(scheduler, { durationMs: 10_000 }), weights)).toBe('p(z|)', {
        p: 'a:40',
        z: 'a:-',
      });
    }));

  it('does not trust a provider’s clock that is ahead of ours, nor ours when it is set', () => {
    const scheduler = new VirtualTimeScheduler();
    const clock = { offset: START };
    const source = new Subject<InstanceSet>();
    const told: string[] = [];
    source
      .pipe(warmUp({ durationMs: 10, tickMs: 2, scheduler: withTimeOfDay(scheduler, clock) }), weights)
      .subscribe((text) => told.push(`${scheduler.now()} ${text}`));
    const next = (weight: number, timestamp = START + 3_600_000) =>
      source.next(setOf(service('a', `timestamp=${timestamp}&weight=${weight}`)));
    scheduler.schedule(() => next(100), 0);
    scheduler.schedule(() => (clock.offset -= 3_600_000), 3);
    // It goes on where it was.
    scheduler.schedule(() => next(200), 5);
    // It is warm, and stays so when it changes, until it starts again.
    scheduler.schedule(() => next(300), 15);
    scheduler.schedule(() => next(300, START + 7_200_000), 20);
    scheduler.flush();
    expect(told).toEqual([
      '0 a:1',
      '2 a:20',
      '4 a:40',
      '5 a:100',
      '6 a:120',
      '8 a:160',
      '10 a:200',
      '15 a:300',
      '20 a:1',
      '22 a:60',
      '24 a:120',
      '26 a:180',
      '28 a:240',
      '30 a:300',
    ]);
  });

  it('leaves warm instances the objects they are', () => {
    const scheduler = new VirtualTimeScheduler();
    const [old, young] = [service('a', 'b=c'), service('b', `timestamp=${START}`)];
    let last = new InstanceSet();
    const ledger = new InstanceLedger();
    ledger.write([
      ['a', old],
      ['b', young],
    ]);
    const source = new Subject<InstanceSet>();
    source.pipe(warming(scheduler)).subscribe((set) => (last = set));
    source.next(ledger.set);
    expect(last.get('a')).toBe(old);
    expect(last.get('b')).not.toBe(young);
    expect(
      last
        .get('b')!
        .with({ parameters: { weight: undefined } })
        .equals(young),
    ).toBe(true);
    scheduler.flush();
    expect(last.get('b')).toBe(young);
  });

  it('tells full weights when the source completes, and none when it fails', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const contents = { x: setOf(service('a', `timestamp=${START}`)) };
      const weightsTold = { p: 'a:1', q: 'a:20', z: 'a:-' };
      expectObservable(cold('x--|', contents).pipe(warming(scheduler), weights)).toBe('p-q(z|)', weightsTold);
      expectObservable(cold('x--#', contents).pipe(warming(scheduler), weights)).toBe('p-q#', weightsTold);
    }));

  it('stops with its subscriber, and when the last warming instance has left', () => {
    const scheduler = new VirtualTimeScheduler(undefined, 5);
    const source = new Subject<InstanceSet>();
    const subscription = source.pipe(warming(scheduler)).subscribe();
    source.next(setOf(service('a', `timestamp=${START}`)));
    expect(scheduler.actions).toHaveLength(1);
    source.next(setOf(service('a', `timestamp=${START}`), service('b', `timestamp=${START}`)));
    expect(scheduler.actions).toHaveLength(1);
    source.next(setOf());
    expect(scheduler.actions).toHaveLength(0);
    source.next(setOf(service('a', `timestamp=${START}`)));
    expect(scheduler.actions).toHaveLength(1);
    subscription.unsubscribe();
    expect(scheduler.actions).toHaveLength(0);
  });

  it('is warm at last: weights rise by the rule, never late by more than a tick, and never fall', () => {
    const provider = fc.record({
      weight: fc.constantFrom(2, 3, 50, 100, 1_000),
      warmup: fc.integer({ min: 1, max: 60 }),
      startedMs: fc.integer({ min: -40, max: 40 }),
      comesMs: fc.nat({ max: 30 }),
      goesMs: fc.option(fc.integer({ min: 31, max: 80 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(provider, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        (providers, tickMs) => {
          const scheduler = new VirtualTimeScheduler();
          const ledger = new InstanceLedger();
          const source = new Subject<InstanceSet>();
          const told = new Map<string, number>();
          const urls = providers.map(({ weight, warmup, startedMs }, i) =>
            service(`h${i}`, `weight=${weight}&warmup=${warmup}&timestamp=${START + startedMs}`),
          );
          let last = new InstanceSet();
          source.pipe(warming(scheduler, { tickMs })).subscribe((set) => {
            last = set;
            const now = scheduler.now();
            expect(new Set(set.keys())).toEqual(new Set(ledger.set.keys()));
            for (const [key, url] of set.entries()) {
              const i = Number(key.slice(1));
              const { weight, warmup, startedMs, comesMs } = providers[i]!;
              const started = Math.min(startedMs, comesMs);
              const at = (ms: number): number => warmingWeight(weight, Math.max(0, ms - started) / warmup);
              const is = Number(url.parameter('weight'));
              expect(is).toBeLessThanOrEqual(at(now));
              expect(is).toBeGreaterThanOrEqual(at(Math.max(comesMs, now - tickMs)));
              expect(is).toBeGreaterThanOrEqual(told.get(key) ?? 1);
              told.set(key, is);
            }
          });
          const write = (i: number, url: ServiceUrl | undefined): void => {
            ledger.write([[`h${i}`, url]]);
            source.next(ledger.set);
          };
          for (const [i, { comesMs, goesMs }] of providers.entries()) {
            scheduler.schedule(() => write(i, urls[i]), comesMs);
            if (goesMs !== undefined) scheduler.schedule(() => write(i, undefined), goesMs);
          }
          scheduler.flush();
          // No tick is left, and what is there is what the source has.
          expect(last.changesSince(ledger.set)).toEqual([]);
        },
      ),
    );
  });

  it('does not emit for a tick that raises no weight', () => {
    const scheduler = new VirtualTimeScheduler();
    let emissions = 0;
    const source = new Subject<InstanceSet>();
    source.pipe(warming(scheduler, { durationMs: 1_000, tickMs: 1 })).subscribe(() => (emissions += 1));
    source.next(setOf(service('a', `timestamp=${START}&weight=4`)));
    scheduler.flush();
    // 1, 2, 3 and 4.
    expect(emissions).toBe(4);
  });

  it('needs no options', () => {
    const weight: string[] = [];
    const young = service('a', `timestamp=${Date.now() - 300_000}`);
    of(setOf(young))
      .pipe(warmUp(), weights)
      .subscribe((text) => weight.push(text));
    expect(weight).toEqual(['a:50', 'a:-']);
  });

  it.each([[{ durationMs: 0 }], [{ durationMs: NaN }], [{ tickMs: 0 }], [{ tickMs: '1' }], [{ tickMs: Infinity }]])(
    'refuses %j',
    (options) => {
      expect(() => warmUp(options as WarmUpOptions)).toThrow(InvalidOptionError);
    },
  );
});

describe('warmingWeight', () => {
  it.each([
    [100, 0, 1],
    [100, 0.005, 1],
    [100, 0.019, 1],
    [100, 0.5, 50],
    [100, 0.999, 99],
    [100, 1, 100],
    [100, 7, 100],
    [3, 0.5, 1],
  ])('of %d after %d of the time is %d', (weight, share, expected) => {
    expect(warmingWeight(weight, share)).toBe(expected);
  });
});
