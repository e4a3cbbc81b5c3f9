import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundRobin } from '../../lib/balancers/index.js';
import { Stage, tally } from './stage.js';
import { misfit, seeded } from './statistics.js';
import { IN_ORDER } from '../support/inOrder.js';

describe('roundRobin', () => {
  it('picks each in turn, whatever it weighs', () => {
    const stage = new Stage(roundRobin(IN_ORDER), { a: 1, b: 1_000, c: 100 });
    expect(stage.picks(7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  it('gives one that comes its turn at the end of the round', () => {
    const stage = new Stage(roundRobin(IN_ORDER), { a: 100, b: 100 });
    stage.pick();
    stage.join('c');
    expect(stage.picks(5)).toEqual(['b', 'a', 'c', 'b', 'a']);
  });

  it('draws the order, and when one that comes has its first turn, each as often as any other', () => {
    const random = seeded(3);
    const orders: string[] = [];
    const turns: string[] = [];
    for (let client = 0; client < 6_000; client++) {
      const stage = new Stage(roundRobin({ random }), { a: 100, b: 100, c: 100 });
      orders.push(stage.picks(3).join(''));
      stage.join('d');
      turns.push(`${stage.picks(4).indexOf('d')}`);
    }
    expect(misfit(tally(orders), { abc: 1, acb: 1, bac: 1, bca: 1, cab: 1, cba: 1 })).toBeLessThan(1);
    expect(misfit(tally(turns), { 0: 1, 1: 1, 2: 1, 3: 1 })).toBeLessThan(1);
  });

  it('goes on where it was when one leaves, the next one also', () => {
    const stage = new Stage(roundRobin(IN_ORDER), { a: 100, b: 100, c: 100, d: 100 });
    stage.pick();
    stage.leave('b');
    expect(stage.picks(3)).toEqual(['c', 'd', 'a']);
    stage.leave('a');
    expect(stage.picks(3)).toEqual(['c', 'd', 'c']);
  });

  it('keeps the turn of one that changes', () => {
    const stage = new Stage(roundRobin(IN_ORDER), { a: 100, b: 100, c: 100 });
    stage.pick();
    stage.reweigh('b', 5);
    expect(stage.picks(3)).toEqual(['b', 'c', 'a']);
  });

  it('gives one that gets its weight back its turn at the end of the round', () => {
    const stage = new Stage(roundRobin(IN_ORDER), { a: 100, b: 0, c: 100 });
    expect(stage.picks(3)).toEqual(['a', 'c', 'a']);
    stage.reweigh('b', 1);
    expect(stage.picks(4)).toEqual(['c', 'a', 'b', 'c']);
  });

  it('picks nobody who stays again before everybody else who stays was picked, whoever comes and goes', () => {
    const act = fc.record({ join: fc.boolean(), index: fc.nat(1_000), picks: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), fc.integer(), (acts, seed) => {
        const stage = new Stage(roundRobin({ random: seeded(seed) }), { s1: 100, s2: 100, s3: 100 });
        const staying: string[] = [];
        let guests = 0;
        for (const { join, index, picks } of acts) {
          const leaving = stage.names.filter((name) => name.startsWith('g'));
          if (join) stage.join(`g${guests++}`);
          else if (leaving.length > 0) stage.leave(leaving[index % leaving.length]!);
          staying.push(...stage.picks(picks).filter((name) => name.startsWith('s')));
        }
        expect(new Set(staying.slice(0, 3)).size).toBe(Math.min(3, staying.length));
        staying.forEach((name, index) => expect(name).toBe(staying[index % 3]));
      }),
      { seed: 7 },
    );
  });
});
