import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failover } from '../../lib/combined/failover.js';
import { Preference } from '../../lib/combined/preference.js';
import { Union } from '../../lib/combined/union.js';
import { instanceKey, type InstanceSet } from '../../lib/index.js';
import { InstanceLedger } from '../../lib/instances/index.js';
import { fakeInstances } from '../../lib/testing/index.js';

const PARTS = 3;
const [first, second] = [fakeInstances(4), fakeInstances(4, { weight: 7 })] as const;
const KEYS = first.map((url) => instanceKey(url));

/** What one part says from then on: of each instance nothing, one thing, or another. */
interface Say {
  readonly part: number;
  readonly says: readonly (0 | 1 | 2)[];
}
const says = fc.record({
  part: fc.nat(PARTS - 1),
  says: fc.array(fc.constantFrom(0 as const, 1 as const, 2 as const), { minLength: 4, maxLength: 4 }),
});
const history = fc.array(says, { maxLength: 20 });

/** The sets of all parts, each made from the one before as streams make them. */
class Parts {
  readonly #ledgers = Array.from({ length: PARTS }, () => new InstanceLedger());

  say({ part, says }: Say): InstanceSet {
    const ledger = this.#ledgers[part]!;
    ledger.write(
      KEYS.map((key, index) => [key, says[index] === 0 ? undefined : [first, second][says[index]! - 1]![index]]),
    );
    return ledger.set;
  }

  set(part: number): InstanceSet {
    return this.#ledgers[part]!.set;
  }
}

/** A set as what it says of each instance, for comparison. */
const textOf = (set: InstanceSet): Record<string, string> =>
  Object.fromEntries([...set.entries()].map(([key, url]) => [key, url.toFullString()]));
const isIn = (part: InstanceSet, whole: InstanceSet): boolean => [...part.keys()].every((key) => whole.has(key));
describe('the laws of several registries as one', () => {
  it('union: whom it has does not depend on the order of the parts, and one part alone is itself', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const parts = new Parts();
        const [there, back, alone] = [new Union(PARTS), new Union(PARTS), new Union(1)];
        for (const step of steps) {
          const set = parts.say(step);
          there.take(step.part, set);
          back.take(PARTS - 1 - step.part, set);
          expect([...there.set.keys()].sort()).toEqual([...back.set.keys()].sort());
          if (step.part === 0) alone.take(0, set);
          expect(textOf(alone.set)).toEqual(textOf(parts.set(0)));
        }
      }),
    );
  });

  it('a change is told if there is one, and only then', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const parts = new Parts();
        const union = new Union(PARTS);
        const preference = new Preference(PARTS, 2);
        for (const step of steps) {
          const set = parts.say(step);
          for (const joined of [union, preference]) {
            const before = textOf(joined.set);
            const isNews = joined.take(step.part, set);
            expect(isNews).toBe(JSON.stringify(sorted(before)) !== JSON.stringify(sorted(textOf(joined.set))));
          }
        }
      }),
    );
  });

  it('prefer: the first part alone as long as it has enough, never less than it has, never more than all have', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 5 }), (steps, minimum) => {
        const parts = new Parts();
        const [union, preference] = [new Union(PARTS), new Preference(PARTS, minimum)];
        for (const step of steps) {
          const set = parts.say(step);
          union.take(step.part, set);
          preference.take(step.part, set);
          const own = parts.set(0);
          expect(preference.isEnough).toBe(own.size >= minimum);
          if (own.size >= minimum) expect(textOf(preference.set)).toEqual(textOf(own));
          expect(isIn(own, preference.set)).toBe(true);
          expect(isIn(preference.set, union.set)).toBe(true);
          expect(preference.set.size).toBeGreaterThanOrEqual(Math.min(minimum, union.set.size));
        }
      }),
    );
  });

  it('failover: exactly what the active part has, which is down only where all are', () => {
    const event = fc.oneof(
      says.map((say) => ({ type: 'say' as const, ...say })),
      fc.record({ type: fc.constant('down' as const), part: fc.nat(PARTS - 1), isDown: fc.boolean() }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.nat(200) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const parts = new Parts();
        const failover = new Failover(PARTS, { stableMs: 100, treatEmptyAsDown: false });
        const known = new Set<number>();
        const down = new Set<number>();
        let nowMs = 0;
        for (const step of events) {
          if (step.type === 'wait') {
            nowMs += step.ms;
            if (failover.dueMs !== undefined && failover.dueMs <= nowMs) failover.wake(nowMs);
          } else if (step.type === 'down') {
            if (step.isDown) down.add(step.part);
            else down.delete(step.part);
            failover.take(step, nowMs);
          } else {
            known.add(step.part);
            failover.take({ type: 'set', part: step.part, set: parts.say(step) }, nowMs);
          }
          const { active } = failover;
          const isGood = (part: number): boolean => known.has(part) && !down.has(part);
          if (active === undefined) {
            expect([...known].some(isGood)).toBe(false);
            continue;
          }
          expect(textOf(failover.set)).toEqual(textOf(parts.set(active)));
          if (!isGood(active)) expect([...known].some(isGood)).toBe(false);
        }
      }),
    );
  });
});

function sorted(record: Record<string, string>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
