import { describe, expect, it } from 'vitest';
import { leastLoaded, roundRobin, sticky } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { keys, Stage, tally } from './stage.js';
import { IN_ORDER } from '../support/inOrder.js';

describe('sticky', () => {
  it('lets the other balancer pick for each key once, and keeps the key there', () => {
    const stage = new Stage(sticky(roundRobin(IN_ORDER)), { a: 100, b: 100, c: 100 });
    expect(['x', 'y', 'z', 'y', 'x', 'w', 'z'].map((key) => stage.pick(key))).toEqual([
      'a',
      'b',
      'c',
      'b',
      'a',
      'a',
      'c',
    ]);
  });

  it('goes where the other balancer says without a key', () => {
    const stage = new Stage(sticky(roundRobin(IN_ORDER)), { a: 100, b: 100 });
    expect([stage.pick('x'), stage.pick(), stage.pick(), stage.pick('x')]).toEqual(['a', 'b', 'a', 'a']);
  });

  it('moves only the keys of one that leaves, and not back when it returns', () => {
    const stage = new Stage(sticky(roundRobin(IN_ORDER)), { a: 100, b: 100, c: 100 });
    const names = keys(30);
    const before = names.map((key) => stage.pick(key));
    stage.leave('b');
    const without = names.map((key) => stage.pick(key));
    before.forEach((owner, index) => {
      if (owner === 'b') expect(without[index]).not.toBe('b');
      else expect(without[index]).toBe(owner);
    });
    stage.join('b');
    expect(names.map((key) => stage.pick(key))).toEqual(without);
  });

  it('keeps keys on one that changes, and on one of weight 0, which gets no new ones', () => {
    const stage = new Stage(sticky(roundRobin(IN_ORDER)), { a: 100, b: 100 });
    expect([stage.pick('x'), stage.pick('y')]).toEqual(['a', 'b']);
    stage.reweigh('a', 0);
    expect(stage.pick('x')).toBe('a');
    expect(new Set(keys(10).map((key) => stage.pick(key)))).toEqual(new Set(['b']));
  });

  it('forgets the key that was not asked for the longest beyond maxKeys', () => {
    const stage = new Stage(sticky(roundRobin(IN_ORDER), { maxKeys: 3 }), { a: 100, b: 100, c: 100, d: 100 });
    expect(['1', '2', '3'].map((key) => stage.pick(key))).toEqual(['a', 'b', 'c']);
    stage.pick('1');
    expect(stage.pick('4')).toBe('d');
    expect(['1', '3', '4'].map((key) => stage.pick(key))).toEqual(['a', 'c', 'd']);
    expect(stage.pick('2')).toBe('a');
    expect(stage.pick('1')).toBe('b');
  });

  it('lets the other balancer know of calls', () => {
    const stage = new Stage(sticky(leastLoaded(IN_ORDER)), { a: 100, b: 100 });
    const home = stage.call('x');
    for (let calls = 0; calls < 5; calls++) expect(stage.call('x')).toBe(home);
    const other = home === 'a' ? 'b' : 'a';
    expect(tally(keys(4).map((key) => stage.call(key)))).toEqual({ [other]: 4 });
    for (let calls = 0; calls < 6; calls++) stage.end(home);
    expect(stage.pick('new')).toBe(home);
  });

  it('works on balancers that are told nothing of calls', () => {
    const stage = new Stage(
      sticky(() => {
        const all = new Set<never>();
        return {
          add: (candidate) => all.add(candidate as never),
          remove: (candidate) => all.delete(candidate as never),
          pick: () => all.values().next().value,
        };
      }),
      { a: 100 },
    );
    stage.answer(stage.pick('x')!, 1);
    stage.reweigh('a', 5);
    stage.leave('a');
    expect(stage.pick('x')).toBeUndefined();
  });

  it('keeps a key where it is when one call avoids that', () => {
    const stage = new Stage(sticky(roundRobin(IN_ORDER)), { a: 100, b: 100, c: 100 });
    expect(stage.pick('k')).toBe('a');
    expect(stage.pick('k', new Set(['a']))).toBe('b');
    expect(stage.pick('k', new Set(['a', 'b']))).toBe('c');
    expect(stage.pick('k')).toBe('a');
    expect(stage.pick('k', new Set(['a', 'b', 'c']))).toBeUndefined();
  });

  it.each([{ maxKeys: 0 }, { maxKeys: 1.5 }, { maxKeys: Infinity }])('refuses %j', (options) => {
    expect(() => sticky(roundRobin(IN_ORDER), options)).toThrow(InvalidOptionError);
  });
});
