import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consistentHash } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { crowd, keys, Stage } from './stage.js';

describe('the bounded load of consistentHash', () => {
  it('lets nobody have more than its share times maxLoad, rounded up, also if all calls have one key', () => {
    const stage = new Stage(consistentHash({ maxLoad: 1.25 }), crowd(10));
    for (let calls = 1; calls <= 1_000; calls++) {
      const name = stage.call('the-one');
      expect(stage.inFlight(name)).toBeLessThanOrEqual(Math.ceil((1.25 * calls) / 10));
    }
    // It is used up to the bound before anybody else is asked: nothing moves that need not.
    expect(stage.inFlight(stage.pick('the-one')!)).toBeLessThan(126);
    expect(Math.max(...stage.names.map((name) => stage.inFlight(name)))).toBe(125);
  });

  it('keeps the bound whatever happens, by weight', () => {
    const act = fc.record({
      what: fc.constantFrom('call', 'call', 'call', 'end', 'reweigh', 'leave', 'join'),
      index: fc.nat(1_000),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 150 }), fc.constantFrom(1, 1.1, 1.5, 2), (acts, maxLoad) => {
        const stage = new Stage(consistentHash({ maxLoad, points: 4 }), { a: 100, b: 50, c: 300, d: 0 });
        for (const { what, index } of acts) {
          const name = stage.names[index % stage.names.length];
          if (what === 'join' || name === undefined) {
            if (!stage.has(`n${index % 5}`)) stage.join(`n${index % 5}`, index % 300);
          } else if (what === 'reweigh') stage.reweigh(name, index % 400);
          else if (what === 'leave') stage.leave(name);
          else if (what === 'end') {
            if (stage.inFlight(name) > 0) stage.end(name);
          } else {
            const picked = stage.call(`key-${index % 3}`);
            const rivals = stage.names.filter((other) => stage.weight(other) > 0 === stage.weight(picked) > 0);
            const weigh = (other: string): number => stage.weight(other) || 100;
            const weight = rivals.reduce((sum, other) => sum + weigh(other), 0);
            const calls = rivals.reduce((sum, other) => sum + stage.inFlight(other), 0);
            expect(stage.inFlight(picked)).toBeLessThanOrEqual(Math.ceil((maxLoad * calls * weigh(picked)) / weight));
          }
        }
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('brings a key back when there is room again', () => {
    const stage = new Stage(consistentHash({ maxLoad: 1 }), crowd(5));
    const home = stage.call('k');
    const other = stage.call('k');
    expect(other).not.toBe(home);
    stage.end(home);
    stage.end(other);
    expect(stage.pick('k')).toBe(home);
  });

  it('forgets the calls of those that left', () => {
    const stage = new Stage(consistentHash({ maxLoad: 1 }), { a: 100, b: 100 });
    for (let calls = 0; calls < 10; calls++) stage.begin('a');
    stage.leave('a');
    stage.join('c');
    // Were those ten still counted, one of the two could have six and more.
    for (let calls = 0; calls < 4; calls++) stage.call('k');
    expect([stage.inFlight('b'), stage.inFlight('c')]).toEqual([2, 2]);
  });

  it('takes all calls of a key to one place without a bound', () => {
    const stage = new Stage(consistentHash({ maxLoad: Infinity }), crowd(10));
    expect(new Set(Array.from({ length: 100 }, () => stage.call('k'))).size).toBe(1);
  });

  it('leaves nearly all keys at home while load is spread', () => {
    const stage = new Stage(consistentHash({ maxLoad: 2 }), crowd(20));
    const names = keys(4_000);
    const home = names.map((key) => stage.pick(key)!);
    const away = names.filter((key, index) => stage.call(key) !== home[index]);
    expect(away.length / names.length).toBeLessThan(0.02);
  });

  it.each([
    { maxLoad: 0.99 },
    { maxLoad: NaN },
    { maxLoad: '2' as never },
    { points: 0 },
    { points: 1.5 },
    { points: 10_001 },
    { random: 1 as never },
  ])('refuses %j', (options) => {
    expect(() => consistentHash(options)).toThrow(InvalidOptionError);
  });
});
