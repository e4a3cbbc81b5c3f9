import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastLoaded } from '../../lib/balancers/index.js';
import { Stage, tally } from './stage.js';
import { IN_ORDER } from '../support/inOrder.js';

describe('leastLoaded', () => {
  it('picks whoever has the fewest calls under way', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 100, c: 100 });
    stage.begin('a');
    stage.begin('a');
    stage.begin('b');
    expect(stage.picks(2)).toEqual(['c', 'c']);
    stage.begin('c');
    stage.begin('c');
    expect(stage.pick()).toBe('b');
    stage.end('a');
    stage.end('a');
    expect(stage.pick()).toBe('a');
  });

  it('gives twice the calls at once to one of twice the weight', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 200, c: 300 });
    expect(tally(Array.from({ length: 60 }, () => stage.call()))).toEqual({ a: 10, b: 20, c: 30 });
  });

  it('gives those that are equal their turns, as often as they weigh', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 200, c: 300 });
    expect(tally(stage.picks(600))).toEqual({ a: 100, b: 200, c: 300 });
  });

  it('gives one that was busy for long no turns to make up for', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 100 });
    stage.begin('a');
    stage.picks(100);
    stage.end('a');
    expect(tally(stage.picks(100))['a']).toBeLessThanOrEqual(51);
  });

  it('gives one that comes no turns to make up for', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100 });
    stage.picks(100);
    stage.join('b', 100);
    expect(tally(stage.picks(10))).toEqual({ a: 5, b: 5 });
  });

  it('lets one that comes wait for those whose turn it is', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 100 });
    stage.picks(3);
    stage.join('c');
    expect(stage.picks(2)).toEqual(['b', 'c']);
  });

  it('lets one whose weight rises wait for no longer than its weight of now says', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 100, c: 1 });
    expect(stage.picks(3)).toContain('c');
    stage.reweigh('c', 100);
    expect(tally(stage.picks(12))).toEqual({ a: 4, b: 4, c: 4 });
    stage.reweigh('c', 1);
    expect(tally(stage.picks(40))['c'] ?? 0).toBeLessThanOrEqual(1);
  });

  it('knows the calls of one whose weight changes', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 100 });
    for (let calls = 0; calls < 3; calls++) stage.begin('a');
    stage.begin('b');
    stage.reweigh('a', 1_000);
    expect(stage.pick()).toBe('a');
    stage.reweigh('a', 100);
    expect(stage.pick()).toBe('b');
  });

  it('knows the calls that were under way to one before it came', () => {
    const stage = new Stage(leastLoaded(IN_ORDER), { a: 100 });
    stage.join('b');
    stage.actor('b').inFlight = 2;
    stage.leave('a');
    stage.balancer.remove(stage.actor('b'));
    stage.join('a');
    stage.balancer.add(stage.actor('b'));
    expect(stage.picks(3)).toEqual(['a', 'a', 'a']);
  });

  it('always picks one with the least load, whatever happens', () => {
    const act = fc.record({ what: fc.constantFrom('call', 'call', 'end', 'reweigh'), index: fc.nat(1_000) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        const stage = new Stage(leastLoaded(IN_ORDER), { a: 100, b: 50, c: 300, d: 1 });
        const load = (name: string): number => stage.inFlight(name) / stage.weight(name);
        for (const { what, index } of acts) {
          const name = stage.names[index % 4]!;
          if (what === 'reweigh') stage.reweigh(name, 1 + (index % 400));
          else if (what === 'end' && stage.inFlight(name) > 0) stage.end(name);
          else if (what === 'call') {
            const picked = stage.pick()!;
            expect(load(picked)).toBe(Math.min(...stage.names.map(load)));
            stage.begin(picked);
          }
        }
      }),
      { seed: 7 },
    );
  });
});
