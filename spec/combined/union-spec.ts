import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Union } from '../../lib/combined/union.js';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';

function instance(host: string, weight: number, timestamp = 1): ServiceUrl {
  return ServiceUrl.parse(`dubbo://${host}:1/x.Y?weight=${weight}&timestamp=${timestamp}`);
}

interface Step {
  readonly part: number;
  readonly host: string;
  readonly weight: number | undefined;
}

const steps = fc.array(
  fc.record({
    part: fc.integer({ min: 0, max: 2 }),
    host: fc.constantFrom('a', 'b', 'c'),
    weight: fc.constantFrom(undefined, 1, 2),
  }),
  { maxLength: 40 },
);

/** Plays steps into ledgers of three parts, and tells the sets of all after each. */
function play(history: readonly Step[], look: (sets: readonly InstanceSet[], part: number) => void): void {
  const ledgers = [0, 1, 2].map(() => new InstanceLedger());
  for (const { part, host, weight } of history) {
    const key = instanceKey(instance(host, 1));
    ledgers[part]!.write([[key, weight === undefined ? undefined : instance(host, weight)]]);
    look(
      ledgers.map(({ set }) => set),
      part,
    );
  }
}

const textOf = (set: InstanceSet): string[] => set.toArray().map(String).sort();

describe('a union of what several registries know', () => {
  it('has each instance as the first says that has it, whatever came before', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const union = new Union(3);
        play(history, (sets, part) => {
          const before = textOf(union.set);
          const isNews = union.take(part, sets[part]!);
          const wanted = new Map(sets.toReversed().flatMap((set) => [...set.entries()]));
          expect(textOf(union.set)).toEqual([...wanted.values()].map(String).sort());
          expect(isNews).toBe(textOf(union.set).join() !== before.join());
        });
      }),
    );
  });

  it('is associative', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const [all, left, leftAll, right, rightAll] = [3, 2, 2, 2, 2].map((parts) => new Union(parts)) as [
          Union,
          Union,
          Union,
          Union,
          Union,
        ];
        play(history, (sets, part) => {
          all.take(part, sets[part]!);
          if (part < 2) left.take(part, sets[part]!);
          if (part < 2) leftAll.take(0, left.set);
          else leftAll.take(1, sets[2]!);
          if (part > 0) right.take(part - 1, sets[part]!);
          if (part > 0) rightAll.take(1, right.set);
          else rightAll.take(0, sets[0]!);
          expect(textOf(leftAll.set)).toEqual(textOf(all.set));
          expect(textOf(rightAll.set)).toEqual(textOf(all.set));
        });
      }),
    );
  });

  it('takes no notice of when an instance was registered where', () => {
    const union = new Union(2);
    const [eu, us] = [new InstanceLedger(), new InstanceLedger()];
    const [here, there] = [instance('a', 1, 1_000), instance('a', 1, 2_000)];
    us.write([[instanceKey(there), there]]);
    expect(union.take(1, us.set)).toBe(true);
    eu.write([[instanceKey(here), here]]);
    expect(union.take(0, eu.set)).toBe(false);
    us.write([[instanceKey(there), undefined]]);
    expect(union.take(1, us.set)).toBe(false);
    expect(union.set.size).toBe(1);
    eu.write([[instanceKey(here), undefined]]);
    expect(union.take(0, eu.set)).toBe(true);
    expect(union.set.size).toBe(0);
  });
});
