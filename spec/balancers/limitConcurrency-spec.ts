import fc from 'fast-check';
import { BehaviorSubject, NEVER, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  balance,
  type BalanceOptions,
  type BalancerFactory,
  type ConcurrencyLimit,
  leastLoaded,
  limitConcurrency,
  type LimitConcurrencyOptions,
  type Picker,
  roundRobin,
} from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { VirtualTime } from '../support/virtual/index.js';
import { everyBalancer } from './everyBalancer.js';
import { Sets } from './sets.js';
import { Stage, tally } from './stage.js';
import { seeded } from './statistics.js';
import { IN_ORDER } from '../support/inOrder.js';

const BALANCERS = everyBalancer(seeded(71));

/** A balancer by turns whose limits are told. */
function stage(options: LimitConcurrencyOptions = {}, weights: Record<string, number> = { a: 100 }) {
  const told: ConcurrencyLimit[] = [];
  const limits = { next: (limit: ConcurrencyLimit) => void told.push(limit) };
  const staged = new Stage(limitConcurrency(roundRobin(IN_ORDER), { limits, ...options }), weights);
  /** So many calls at once that all take as long. */
  const burst = (calls: number, latencyMs: number, result: 'ok' | 'failed' | 'cancelled' = 'ok'): number => {
    const picked = Array.from({ length: calls }, () => {
      const name = staged.pick();
      if (name !== undefined) staged.begin(name);
      return name;
    }).filter((name) => name !== undefined);
    staged.now += latencyMs;
    for (const name of picked) staged.end(name, latencyMs, result);
    return picked.length;
  };
  return { staged, told, burst, limit: () => told.at(-1)?.limit };
}

describe('limitConcurrency', () => {
  it.each(BALANCERS)('lets %s pick nobody who has as many calls as it may', (_, factory) => {
    const options = { initial: 4, max: 4 };
    const staged = new Stage(limitConcurrency(factory, options), { a: 100, b: 100, c: 300 });
    let calls = 0;
    for (let name = staged.pick('key'); name !== undefined; name = staged.pick(`key-${calls}`)) {
      staged.begin(name);
      calls += 1;
    }
    expect(staged.names.map((name) => staged.inFlight(name))).toEqual([4, 4, 4]);
    staged.end('b');
    expect(staged.pick('key')).toBe('b');
  });

  it.each(BALANCERS)('changes nothing for %s as long as limits are not reached', (_, factory) => {
    const fresh = (): Stage => new Stage(limitConcurrency(factory, { initial: 1_000 }), { a: 100, b: 50, c: 300 });
    const picked = fresh().picks(4_000, (index) => `key-${index}`);
    expect(Object.keys(tally(picked)).sort()).toEqual(['a', 'b', 'c']);
  });

  it('raises a limit by one with every limit’s worth of calls that answer, while half of it is in use', () => {
    const { burst, limit } = stage({ initial: 10 });
    burst(10, 5);
    expect(limit()).toBeUndefined();
    // Of ten calls five or six end while half of the limit is under way: two more rounds make a limit's worth.
    burst(10, 5);
    burst(10, 5);
    expect(limit()).toBe(11);
    for (let round = 0; round < 40; round++) burst(100, 5);
    expect(limit()).toBeGreaterThan(20);
  });

  it('leaves a limit alone that is not in use', () => {
    const { burst, told } = stage({ initial: 10 });
    for (let round = 0; round < 100; round++) burst(4, 5);
    expect(told).toEqual([]);
  });

  it('lowers a limit by a tenth when calls fail, once for all that were under way', () => {
    const { burst, limit } = stage({ initial: 100 });
    burst(50, 5, 'failed');
    expect(limit()).toBe(90);
    burst(50, 5, 'failed');
    expect(limit()).toBe(81);
  });

  it('takes a call for one that fails if it is slower than it may be, also if it was given up then', () => {
    const { burst, limit } = stage({ initial: 100, slowMs: 50 });
    burst(1, 51);
    expect(limit()).toBe(90);
    burst(1, 60, 'cancelled');
    expect(limit()).toBe(81);
    burst(60, 50);
    expect(limit()).toBe(81);
  });

  it('learns nothing from a call that is given up early', () => {
    const { burst, told } = stage({ initial: 4, slowMs: 50 });
    for (let round = 0; round < 40; round++) burst(4, 20, 'cancelled');
    expect(told).toEqual([]);
  });

  it('stays within its bounds, whatever happens', () => {
    const act = fc.record({
      what: fc.constantFrom('call', 'call', 'call', 'ok', 'failed', 'cancelled', 'again'),
      ms: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
        const { staged, told } = stage({ initial: 5, min: 3, max: 8, slowMs: 60 }, { a: 100, b: 100 });
        for (const { what, ms } of acts) {
          staged.now += ms;
          if (what === 'call') {
            const name = staged.pick();
            if (name === undefined) expect(staged.names.every((each) => staged.inFlight(each) >= 3)).toBe(true);
            else staged.begin(name);
          } else if (what === 'again') {
            staged.leave('b');
            staged.join('b');
          } else {
            const busy = staged.names.find((each) => staged.inFlight(each) > 0);
            if (busy !== undefined) staged.end(busy, ms, what);
          }
          for (const name of staged.names) expect(staged.inFlight(name)).toBeLessThanOrEqual(8);
        }
        for (const { limit } of told) {
          expect(limit).toBeGreaterThanOrEqual(3);
          expect(limit).toBeLessThanOrEqual(8);
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('finds out what a host can take that serves 10 calls at a time and lets others wait', () => {
    // 100 callers that call all the time. Without a limit each waits for ten rounds of ten.
    const time = new VirtualTime();
    const { scheduler } = time;
    const told: number[] = [];
    const limits = { next: ({ limit }: ConcurrencyLimit) => void told.push(limit) };
    const sets = new Sets();
    let picker!: Picker;
    new BehaviorSubject(sets.only('a'))
      .pipe(balance(limitConcurrency(leastLoaded(IN_ORDER), { slowMs: 15, limits }), { waitMs: 60_000, scheduler }))
      .subscribe((each) => (picker = each));
    const queue: (() => void)[] = [];
    let serving = 0;
    const serve = (): void => {
      while (serving < 10 && queue.length > 0) {
        serving += 1;
        const answer = queue.shift()!;
        scheduler.schedule(() => {
          serving -= 1;
          answer();
          serve();
        }, 10);
      }
    };
    const latencies: number[] = [];
    const call = (): void => {
      let begun = 0;
      picker
        .use(() => {
          begun = time.now;
          const answer = new Subject<number>();
          queue.push(() => answer.complete());
          serve();
          return answer;
        })
        .subscribe({
          complete: () => {
            latencies.push(time.now - begun);
            scheduler.schedule(call, 0);
          },
        });
    };
    for (let caller = 0; caller < 100; caller++) call();
    time.pass(30_000);
    const settled = told.slice(-50);
    expect(Math.min(...settled)).toBeGreaterThanOrEqual(8);
    expect(Math.max(...settled)).toBeLessThanOrEqual(20);
    // It is busy all the time, and what waits does so here and not there.
    expect(latencies.length).toBeGreaterThan(0.9 * 30_000);
    const sorted = latencies.slice(-5_000).sort((x, y) => x - y);
    expect(sorted[Math.floor(sorted.length * 0.5)]).toBeLessThanOrEqual(20);
  });

  it.each([
    [{ initial: 0 }],
    [{ min: 0 }],
    [{ min: 5, max: 4 }],
    [{ min: 5, initial: 4 }],
    [{ max: 5, initial: 6 }],
    [{ max: 1e7 }],
    [{ backoff: 1 }],
    [{ backoff: 0 }],
    [{ backoff: NaN }],
    [{ slowMs: 0 }],
    [{ limits: {} }],
    [null],
  ])('refuses %j', (options) => {
    expect(() => limitConcurrency(roundRobin(IN_ORDER), options as LimitConcurrencyOptions)).toThrow(
      InvalidOptionError,
    );
  });

  it('refuses what is no balancer', () => {
    expect(() => limitConcurrency(roundRobin as unknown as BalancerFactory)).toThrow(InvalidOptionError);
  });

  it('heeds its limits though a balancer of one’s own takes no notice', () => {
    const eldest: BalancerFactory = () => {
      const candidates = new Set<Parameters<ReturnType<BalancerFactory>['add']>[0]>();
      return {
        add: (candidate) => candidates.add(candidate),
        remove: (candidate) => candidates.delete(candidate),
        pick: () => candidates.values().next().value,
      };
    };
    const staged = new Stage(limitConcurrency(eldest, { initial: 1, max: 1 }), { a: 100, b: 100 });
    expect([staged.call(), staged.call(), staged.pick()]).toEqual(['a', 'b', undefined]);
  });
});

describe('a call where all have as many as they may', () => {
  function full(options: BalanceOptions = {}) {
    const time = new VirtualTime();
    const sets = new Sets();
    const source = new BehaviorSubject(sets.only('a', 'b'));
    let picker!: Picker;
    source
      .pipe(
        balance(limitConcurrency(roundRobin(IN_ORDER), { initial: 1, max: 1 }), {
          scheduler: time.scheduler,
          ...options,
        }),
      )
      .subscribe((each) => (picker = each));
    const running = [picker.use(() => NEVER).subscribe(), picker.use(() => NEVER).subscribe()];
    const log: string[] = [];
    const call = (name: string, ms = 10): void => {
      picker
        .use(({ host }) => {
          log.push(`${name}>${host}`);
          const answer = new Subject<never>();
          time.scheduler.schedule(() => answer.complete(), ms);
          return answer;
        })
        .subscribe({ error: (error: unknown) => log.push(`${name}: ${(error as Error).message}`) });
    };
    return { time, sets, source, picker, running, call, log };
  }

  it('fails at once if it is not to wait, and says why', () => {
    const { call, log } = full();
    call('x');
    expect(log).toEqual(['x: No instance to call: all instances have as many calls under way as they may.']);
  });

  it('waits, first come, first served, and is called as soon as another one is over', () => {
    const { call, log, running, time } = full({ waitMs: 100 });
    for (const name of ['x', 'y', 'z']) call(name);
    expect(log).toEqual([]);
    running[1]!.unsubscribe();
    expect(log).toEqual(['x>b']);
    time.pass(10);
    expect(log).toEqual(['x>b', 'y>b']);
    running[0]!.unsubscribe();
    expect(log).toEqual(['x>b', 'y>b', 'z>a']);
    expect(time.timers).toBe(2);
  });

  it('waits no longer than it may', () => {
    const { call, log, time } = full({ waitMs: 100 });
    call('x');
    time.pass(100);
    expect(log).toEqual([
      'x: No instance to call: all instances have as many calls under way as they may, and that for 100 ms.',
    ]);
    expect(time.timers).toBe(0);
  });

  it('is called on one that comes', () => {
    const { call, log, source, sets } = full({ waitMs: 100 });
    call('x');
    source.next(sets.write({ c: 100 }));
    expect(log).toEqual(['x>c']);
  });

  it('goes on waiting when the sets have come to their end, as long as there is anybody', () => {
    const { call, log, source, running } = full({ waitMs: 100 });
    call('x');
    source.complete();
    call('y');
    running[0]!.unsubscribe();
    running[1]!.unsubscribe();
    expect(log).toEqual(['x>a', 'y>b']);
  });

  it('lets those behind it have their turn when nobody waits for it any more', () => {
    const { picker, call, log, running } = full({ waitMs: 100 });
    const given = picker.use(() => NEVER).subscribe();
    call('y');
    given.unsubscribe();
    running[0]!.unsubscribe();
    expect(log).toEqual(['y>a']);
  });
});
