import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Twins } from '../../lib/discovery/twins.js';
import { ServiceUrl } from '../../lib/dubbo/index.js';

const twin = (timestamp: number): ServiceUrl => ServiceUrl.parse(`dubbo://h:1/x?timestamp=${timestamp}`);
const MS = 1_700_000_000_000;

describe('Twins', () => {
  it('the newest is the one with the latest timestamp, whatever came and went in whatever order', () => {
    const step = fc.record({ at: fc.integer({ min: 0, max: 8 }), add: fc.boolean(), look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const twins = new Twins();
        const nodes = Array.from({ length: 9 }, (_, at) => twin(MS + at));
        const there = new Set<number>();
        for (const { at, add, look } of steps) {
          if (add) there.add(at);
          else there.delete(at);
          if (add) twins.add(nodes[at]!);
          else twins.remove(nodes[at]!);
          const newest = there.size > 0 ? String(MS + Math.max(...there)) : undefined;
          if (look) expect(twins.newest?.parameter('timestamp')).toBe(newest);
          expect(twins.size).toBe(there.size);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('seconds, as Go writes them, are compared with milliseconds', () => {
    const twins = new Twins();
    twins.add(twin(MS));
    twins.add(twin(MS / 1_000 + 1));
    expect(twins.newest?.parameter('timestamp')).toBe(String(MS / 1_000 + 1));
  });
});
