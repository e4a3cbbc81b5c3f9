import fc from 'fast-check';
import { map, pipe, type SchedulerLike, Subject, VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import {
  coalesce,
  ejectOutliers,
  emptyProtection,
  panic,
  preferZone,
  stabilize,
  subset,
  toEvents,
  toInstances,
  warmUp,
  where,
} from '../../lib/operators/index.js';
import { countWork } from './support/countWork.js';
import { histories, play } from './support/history.js';
import { through } from './support/marbles.js';
import { keyOf } from './support/sets.js';

const NOBODY = new Subject<{ readonly key: string; readonly ok: boolean }>();

/** Everything there is, in the order one would use it. */
const pipeline = (scheduler: SchedulerLike, outcomes = NOBODY, size = 3) =>
  pipe(
    pipe(toEvents(), toInstances(), coalesce({ auditMs: 2, scheduler })),
    where({ interface: 'x.Y' }),
    emptyProtection({ holdMs: 5, minShare: 0.3, scheduler }),
    stabilize({ removeAfterMs: 7, scheduler }),
    preferZone('eu', { minimum: 2, zoneOf: ({ host }: ServiceUrl) => (host < 'd' ? 'eu' : 'us') }),
    subset({ size, by: 'me' }),
    panic(ejectOutliers(outcomes, { scheduler })),
    warmUp({ scheduler }),
  );

describe('a pipeline of all operators', () => {
  it('comes to what it makes of the last set alone, whatever came before', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const told = play(history, (scheduler) => pipeline(scheduler));
        const alone = play([{ at: 0, text: history.at(-1)!.text }], (scheduler) => pipeline(scheduler));
        expect(told.at(-1)?.text ?? '.').toBe(alone.at(-1)?.text ?? '.');
        expect(told.at(-1)?.at ?? 0).toBeLessThanOrEqual(history.at(-1)!.at + 2 + 5 + 7);
      }),
    );
  });

  it('can be tested with marbles without a scheduler of one’s own', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ cold, hot, expectObservable }) => {
      const contents = { x: 'abc', y: 'bc', z: '.' };
      const source = cold('x 999ms y 3999ms x 14999ms z 59999ms   |', contents);
      const calls = hot('  10s    (aaaaa)').pipe(map((letter) => ({ key: keyOf(letter), ok: false })));
      // a is away for 4 s, then ejected for 30 s; those who leave after 20 s are gone for good 10 s and 30 s later.
      const expected = '   x 9999ms y 29999ms x 19999ms z 19999ms |';
      const operator = pipe(
        stabilize({ removeAfterMs: 10_000 }),
        emptyProtection({ holdMs: 30_000 }),
        panic(ejectOutliers(calls)),
        warmUp(),
      );
      expectObservable(through(source, operator)).toBe(expected, contents);
    });
  });

  it('pays for what changes through all of it', () => {
    const scheduler = new VirtualTimeScheduler();
    const ledger = new InstanceLedger();
    const [source, outcomes] = [
      new Subject<InstanceSet>(),
      new Subject<{ readonly key: string; readonly ok: boolean }>(),
    ];
    let emissions = 0;
    const subscription = source.pipe(pipeline(scheduler, outcomes, 10_000)).subscribe(() => (emissions += 1));
    const url = (i: number, weight: number): ServiceUrl => ServiceUrl.parse(`dubbo://a${i}:1/x.Y?weight=${weight}`);
    ledger.write(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, url(i, 100)] as const));
    source.next(ledger.set);
    scheduler.flush();
    expect(emissions).toBe(1);
    const work = countWork(() => {
      for (let i = 0; i < 20; i += 1) {
        ledger.write([
          [`k${i}`, url(i, 200)],
          [`k${i + 100}`, undefined],
        ]);
        source.next(ledger.set);
        scheduler.flush();
      }
    });
    subscription.unsubscribe();
    expect(emissions).toBeGreaterThan(20);
    expect(work / 40).toBeLessThan(500);
  });
});
