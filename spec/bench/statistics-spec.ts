import { describe, expect, it } from 'vitest';
import { compare, paired, type Sample } from '../../bench/harness/paired.js';
import { spreadOf } from '../../bench/harness/statistics.js';

describe('spreadOf', () => {
  it('is the middle value and how far the middle half is apart, in whatever order they came', () => {
    expect(spreadOf([9, 1, 5, 3, 7])).toEqual({ median: 5, spread: 4 });
  });

  it('lies between the two in the middle of an even number', () => {
    expect(spreadOf([4, 1, 2, 3]).median).toBe(2.5);
  });

  it('does not care how far off an outlier is', () => {
    expect(spreadOf([1, 2, 3, 4, 1_000_000])).toEqual(spreadOf([1, 2, 3, 4, 5]));
  });

  it('is the value itself where there is one, and an error where there is none', () => {
    expect(spreadOf([7])).toEqual({ median: 7, spread: 0 });
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});

describe('compare', () => {
  it('takes the ratio of each pair, so that a machine that slows down in between does not count', () => {
    const pairs: [Sample, Sample][] = [
      [{ ms: 10 }, { ms: 5 }],
      [{ ms: 1_000 }, { ms: 500 }],
      [{ ms: 30 }, { ms: 15 }],
    ];
    const { ms } = compare(pairs);
    expect(ms).toMatchObject({ ours: { median: 30 }, bare: { median: 15 }, ratio: { median: 2, spread: 0 } });
  });

  it('compares what both sides tell', () => {
    expect(Object.keys(compare([[{ ms: 1, lists: 2 }, { ms: 1 }]]))).toEqual(['ms']);
  });
});

describe('paired', () => {
  it('measures in turn, and does not count what it warms up with', async () => {
    const order: string[] = [];
    const side = (name: string, values: readonly number[]) => {
      let next = 0;
      return async () => {
        order.push(name);
        return { ms: values[next++]! };
      };
    };
    const { ms } = await paired(side('ours', [1_000, 4, 6]), side('bare', [1, 2, 2]), { repetitions: 2, warmUps: 1 });
    expect(order).toEqual(['bare', 'ours', 'bare', 'ours', 'bare', 'ours']);
    expect(ms).toMatchObject({ ours: { median: 5 }, bare: { median: 2 }, ratio: { median: 2.5 } });
  });
});
