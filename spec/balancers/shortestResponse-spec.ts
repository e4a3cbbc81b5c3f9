import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shortestResponse } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { Stage, tally } from './stage.js';
import { seeded } from './statistics.js';
import { IN_ORDER } from '../support/inOrder.js';

const trio = (options = {}): Stage => {
  const stage = new Stage(shortestResponse({ ...IN_ORDER, ...options }), { a: 100, b: 100, c: 100 });
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

  it('weighs the average by the calls under way, and those by weight', () => {
    const stage = trio();
    expect(Array.from({ length: 4 }, () => stage.call())).toEqual(['a', 'a', 'b', 'a']);
    stage.reweigh('a', 300);
    expect(Array.from({ length: 3 }, () => stage.call())).toEqual(['a', 'a', 'a']);
  });

  it('takes a weight for no sign of speed', () => {
    const stage = trio();
    stage.reweigh('c', 10_000);
    expect(stage.picks(3)).toEqual(['a', 'a', 'a']);
  });

  it('takes averages that differ by less than a quarter for equal', () => {
    const stage = new Stage(shortestResponse(IN_ORDER), { a: 100, b: 100 });
    stage.answer('a', 100);
    stage.answer('b', 124);
    expect(tally(stage.picks(10))).toEqual({ a: 5, b: 5 });
    stage.join('c');
    stage.answer('c', 126);
    expect(tally(stage.picks(10))).toEqual({ a: 5, b: 5 });
  });

  it('takes averages of few answers for equal that differ by more, where answers do', () => {
    const stage = new Stage(shortestResponse(IN_ORDER), { a: 100, b: 100 });
    // They deviate by half of their average, which is 100.
    for (const ms of [50, 150, 50, 150, 50, 150, 50, 150]) stage.answer('a', ms);
    for (const ms of [90, 210]) stage.answer('b', ms);
    expect(stage.picks(4)).toContain('b');
    for (let pair = 0; pair < 50; pair++) for (const ms of [90, 210]) stage.answer('b', ms);
    expect(stage.picks(4)).not.toContain('b');
  });

  it('notices that another one has become faster, and slower again', () => {
    const stage = new Stage(shortestResponse(IN_ORDER), { a: 100, b: 100 });
    for (let calls = 0; calls < 100; calls++) stage.answer('a', 30);
    expect(stage.pick()).toBe('a');
    for (let calls = 0; calls < 100; calls++) stage.answer('b', 15);
    expect(tally(stage.picks(10))).toEqual({ b: 10 });
    for (let calls = 0; calls < 200; calls++) stage.answer('b', 45);
    expect(stage.picks(4)).toContain('a');
    expect(stage.picks(4)).toContain('b');
  });

  it('does not leave four of five equals aside because one had luck: latencies are random, 1,200 calls in a row', () => {
    // An exponential distribution, as of a queue; before, a window was 583, 6, 308, 9 and 294 calls.
    const noise = seeded(9);
    const stage = new Stage(shortestResponse(IN_ORDER), { a: 100, b: 100, c: 100, d: 100, e: 100 });
    const picked = Array.from({ length: 1_200 }, () => {
      const name = stage.call();
      const latencyMs = -25 * Math.log(1 - noise());
      stage.now += latencyMs;
      stage.end(name, latencyMs);
      return name;
    });
    for (const count of Object.values(tally(picked))) {
      expect(count).toBeGreaterThan(120);
      expect(count).toBeLessThan(480);
    }
  });

  it('gives those that are equal their turns, as often as they weigh', () => {
    const stage = new Stage(shortestResponse(IN_ORDER), { a: 100, b: 300 });
    expect(tally(stage.picks(40))).toEqual({ a: 10, b: 30 });
  });

  it('tries each that never answered in its turn, with one call at a time', () => {
    const stage = trio();
    stage.join('d');
    stage.join('e');
    expect(Array.from({ length: 3 }, () => stage.call()).sort()).toEqual(['a', 'd', 'e']);
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
    const stage = new Stage(shortestResponse({ ...IN_ORDER, windowMs: 1_000 }), { a: 100, b: 100, c: 100 });
    stage.answer('c', 90);
    stage.now = 500;
    stage.answer('a', 10);
    stage.answer('b', 10);
    stage.now = 999;
    expect(stage.picks(4)).not.toContain('c');
    stage.now = 1_000;
    expect(stage.picks(3)).toContain('c');
  });

  it('forgets half of the answers of one that is called all the time with every window', () => {
    const stage = trio({ windowMs: 1_000 });
    for (let calls = 0; calls < 15; calls++) stage.answer('a', 10);
    for (let window = 1; window <= 4; window++) {
      stage.now = 1_000 * window;
      for (const name of ['b', 'c']) stage.answer(name, 30);
      stage.answer('a', 10);
    }
    // Of 20 answers not more than 4 count: four of 100 ms bring the average to 50 or more.
    for (let calls = 0; calls < 4; calls++) stage.answer('a', 100);
    expect(stage.picks(3)).not.toContain('a');
  });

  it('finds out late about none, however many answers there were', () => {
    const stage = trio();
    for (let calls = 0; calls < 10_000; calls++) stage.answer('a', 10);
    for (let calls = 0; calls < 100; calls++) stage.answer('a', 100);
    expect(stage.pick()).toBe('b');
  });

  it('does not take failing fast for being fast', () => {
    const stage = trio({ failurePenaltyMs: 500 });
    stage.answer('a', 1, 'failed');
    expect(stage.picks(4)).not.toContain('a');
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
    const act = fc.record({ isCall: fc.boolean(), index: fc.nat(1_000) });
    const latencies: Readonly<Record<string, number>> = { a: 100, b: 120, c: 1_000, d: 300 };
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const stage = new Stage(shortestResponse(IN_ORDER), { a: 100, b: 50, c: 150, d: 100 });
        for (const [name, ms] of Object.entries(latencies)) stage.answer(name, ms);
        // `b` is as fast as `a` but for less than a quarter, and the mean weight is 100.
        const expected = (name: string): number =>
          (name === 'b' ? 100 : latencies[name]!) * (1 + (stage.inFlight(name) * 100) / stage.weight(name));
        for (const { isCall, index } of acts) {
          const name = stage.names[index % 4]!;
          if (isCall) {
            const picked = stage.pick()!;
            expect(expected(picked)).toBeCloseTo(Math.min(...stage.names.map(expected)), 6);
            stage.begin(picked);
          } else if (stage.inFlight(name) > 0) {
            stage.end(name, latencies[name]);
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
