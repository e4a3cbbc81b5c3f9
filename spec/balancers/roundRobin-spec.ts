import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundRobin } from '../../lib/balancers/index.js';
import { Stage } from './stage.js';

describe('roundRobin', () => {
  it('picks each in turn, whatever it weighs', () => {
    const stage = new Stage(roundRobin(), { a: 1, b: 1_000, c: 100 });
    expect(stage.picks(7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  it('gives one that comes its turn at the end of the round', () => {
    const stage = new Stage(roundRobin(), { a: 100, b: 100 });
    stage.pick();
    stage.join('c');
    expect(stage.picks(5)).toEqual(['b', 'a', 'c', 'b', 'a']);
  });

  it('goes on where it was when one leaves, the next one also', () => {
    const stage = new Stage(roundRobin(), { a: 100, b: 100, c: 100, d: 100 });
    stage.pick();
    stage.leave('b');
    expect(stage.picks(3)).toEqual(['c', 'd', 'a']);
    stage.leave('a');
    expect(stage.picks(3)).toEqual(['c', 'd', 'c']);
  });

  it('keeps the turn of one that changes', () => {
    const stage = new Stage(roundRobin(), { a: 100, b: 100, c: 100 });
    stage.pick();
    stage.reweigh('b', 5);
    expect(stage.picks(3)).toEqual(['b', 'c', 'a']);
  });

  it('gives one that gets its weight back its turn at the end of the round', () => {
    const stage = new Stage(roundRobin(), { a: 100, b: 0, c: 100 });
    expect(stage.picks(3)).toEqual(['a', 'c', 'a']);
    stage.reweigh('b', 1);
    expect(stage.picks(4)).toEqual(['c', 'a', 'b', 'c']);
  });

  it('picks nobody who stays again before everybody else who stays was picked, whoever comes and goes', () => {
    const act = fc.record({ join: fc.boolean(), index: fc.nat(1_000), picks: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const stage = new Stage(roundRobin(), { s1: 100, s2: 100, s3: 100 });
        const staying: string[] = [];
        let guests = 0;
        for (const { join, index, picks } of acts) {
          const leaving = stage.names.filter((name) => name.startsWith('g'));
          if (join) stage.join(`g${guests++}`);
          else if (leaving.length > 0) stage.leave(leaving[index % leaving.length]!);
          staying.push(...stage.picks(picks).filter((name) => name.startsWith('s')));
        }
        staying.forEach((name, index) => expect(name).toBe(`s${(index % 3) + 1}`));
      }),
      { seed: 7 },
    );
  });
});
