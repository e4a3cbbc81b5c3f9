import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shortestResponse } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { Stage, tally } from './stage.js';

const trio = (options = {}): Stage => {
  const stage = new Stage(shortestResponse(options), { a: 100, b: 100, c: 100 });
  stage.answer('a', 10);
  stage.answer('b', 25);
  stage.answer('c', 90);
  return stage;
};

describe('shortestResponse', () => {
  it('picks the one with the lowest average', () => {
    const stage = trio();
    expect(stage.picks(3)).toEqual(['a', 'a', 'a']);
    stage.answer('a', 60);
    expect(stage.pick()).toBe('b');
  });

  it('weighs the average by the calls under way and the weight', () => {
    const stage = trio();
    expect(Array.from({ length: 4 }, () => stage.call())).toEqual(['a', 'a', 'b', 'a']);
    stage.reweigh('c', 1_000);
    expect(stage.pick()).toBe('c');
  });

  it('gives those that are equal their turns, as often as they weigh', () => {
    const stage = new Stage(shortestResponse(), { a: 100, b: 300 });
    expect(tally(stage.picks(40))).toEqual({ a: 10, b: 30 });
  });

  it('tries each that never answered with one call, before any is asked again', () => {
    const stage = trio();
    stage.join('d');
    stage.join('e');
    expect([stage.call(), stage.call()].sort()).toEqual(['d', 'e']);
    expect(stage.pick()).toBe('a');
    stage.end('d', 1);
    expect(stage.pick()).toBe('d');
  });

  it('forgets an instance’s latencies when its window is over, and then tries it anew', () => {
    const stage = trio({ windowMs: 1_000 });
    stage.now = 999;
    expect(stage.pick()).toBe('a');
    stage.answer('a', 10);
    stage.now = 1_000;
    const tried = new Set(Array.from({ length: 3 }, () => stage.call()));
    expect([...tried].sort()).toEqual(['a', 'b', 'c']);
  });

  it('tries one anew whose window is over while those of others are not', () => {
    const stage = new Stage(shortestResponse({ windowMs: 1_000 }), { a: 100, b: 100, c: 100 });
    stage.answer('c', 90);
    stage.now = 500;
    stage.answer('a', 10);
    stage.answer('b', 10);
    stage.now = 1_000;
    expect(stage.pick()).toBe('c');
  });

  it('forgets the window of one that is called all the time, too', () => {
    const stage = trio({ windowMs: 1_000 });
    for (let calls = 0; calls < 99; calls++) stage.answer('a', 10);
    stage.now = 1_000;
    for (const name of ['b', 'c']) stage.answer(name, 30);
    stage.answer('a', 40);
    expect(stage.pick()).toBe('b');
  });

  it('does not take failing fast for being fast', () => {
    const stage = trio({ failurePenaltyMs: 50 });
    stage.answer('a', 1, 'failed');
    expect(stage.pick()).toBe('b');
  });

  it('takes a call given up for slow if it took longer than the average, and else for nothing', () => {
    const stage = trio();
    stage.answer('b', 0, 'cancelled');
    stage.answer('b', 0, 'cancelled');
    expect(stage.pick()).toBe('a');
    stage.answer('a', 500, 'cancelled');
    expect(stage.pick()).toBe('b');
  });

  it('keeps what it knows when the set and weights change', () => {
    const stage = trio();
    stage.join('d');
    stage.leave('d');
    stage.reweigh('a', 0);
    stage.reweigh('a', 100);
    expect(stage.pick()).toBe('a');
  });

  it('always picks one with the shortest expectation, whatever happens', () => {
    const act = fc.record({
      what: fc.constantFrom('call', 'end', 'pass', 'fail', 'cancel'),
      index: fc.nat(1_000),
      ms: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
        const stage = new Stage(shortestResponse({ windowMs: 1_000, failurePenaltyMs: 300 }), {
          a: 100,
          b: 50,
          c: 300,
        });
        const seen = new Map<string, { since: number; latencies: number[] }>();
        const expected = (name: string): number => {
          const known = seen.get(name);
          const inFlight = stage.inFlight(name);
          if (!known || stage.now - known.since >= 1_000)
            return inFlight === 0 ? 0 : (1e9 * (1 + inFlight)) / stage.weight(name);
          const average = known.latencies.reduce((sum, ms) => sum + ms, 0) / known.latencies.length;
          return (average * (1 + inFlight)) / stage.weight(name);
        };
        const see = (name: string, ms: number, isCancelled: boolean): void => {
          let known = seen.get(name);
          if (!known || stage.now - known.since >= 1_000) {
            known = { since: stage.now, latencies: [] };
          }
          const average = known.latencies.reduce((sum, each) => sum + each, 0) / (known.latencies.length || 1);
          if (isCancelled && ms < average) return;
          known.latencies.push(ms);
          seen.set(name, known);
        };
        for (const { what, index, ms } of acts) {
          const name = stage.names[index % 3]!;
          if (what === 'pass') stage.now += ms;
          else if (what === 'call') {
            const picked = stage.pick()!;
            const best = Math.min(...stage.names.map(expected));
            expect(expected(picked)).toBeCloseTo(best, 6);
            stage.begin(picked);
          } else if (stage.inFlight(name) > 0) {
            const result = what === 'fail' ? 'failed' : what === 'cancel' ? 'cancelled' : 'ok';
            stage.end(name, ms, result);
            see(name, result === 'failed' ? Math.max(ms, 300) : ms, result === 'cancelled');
          }
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it.each([{ windowMs: 0 }, { windowMs: Infinity }, { failurePenaltyMs: NaN }])('refuses %j', (options) => {
    expect(() => shortestResponse(options)).toThrow(InvalidOptionError);
  });
});
