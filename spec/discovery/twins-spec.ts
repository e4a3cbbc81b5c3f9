import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
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

  it('bounded load: a change costs hardly more the more there are, whatever an enemy writes', () => {
    const costOfOne = (count: number): number => {
      const twins = new Twins();
      const present = Array.from({ length: count }, (_, at) => twin(MS + count + at));
      for (const node of present) twins.add(node);
      expect(twins.newest).toBeDefined();
      const asked = vi.spyOn(ServiceUrl.prototype, 'parameter');
      for (let at = 0; at < count; at++) {
        twins.add(twin(MS - at));
        twins.remove(present[count - 1 - at]!);
        expect(twins.newest).toBeDefined();
      }
      const { length } = asked.mock.calls;
      asked.mockRestore();
      return length / count;
    };
    expect(costOfOne(1_600) / costOfOne(200)).toBeLessThan(3);
  });
});
