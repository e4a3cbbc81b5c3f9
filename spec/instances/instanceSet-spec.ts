import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InstanceSet } from '../../lib/instances/index.js';
import { InstanceTable } from '../../lib/discovery/instanceTable.js';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';

const known = new Map<string, ServiceUrl>();
/** The same object for the same node, as a directory has it. */
const node = (host: number, weight: number): ServiceUrl => {
  const text = `dubbo://10.0.0.${host}:20880/x.Y?weight=${weight}`;
  const url = known.get(text) ?? ServiceUrl.parse(text);
  known.set(text, url);
  return url;
};

const apply = (table: InstanceTable, added: readonly ServiceUrl[], removed: readonly ServiceUrl[]): void => {
  table.take(added, removed);
  table.tell();
};

const contentOf = (set: InstanceSet): string[] => set.toArray().map(String).sort();

describe('InstanceSet', () => {
  it('never changes, whatever comes after it and in whatever order sets are read', () => {
    const change = fc.record({
      host: fc.integer({ min: 1, max: 4 }),
      weight: fc.integer({ min: 1, max: 2 }),
      add: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (changes, random) => {
        const table = new InstanceTable();
        const nodes = new Set<ServiceUrl>();
        const sets: { set: InstanceSet; expected: string[] }[] = [];
        for (const { host, weight, add } of changes) {
          const changed = node(host, weight);
          if (add === nodes.has(changed)) continue;
          if (add) nodes.add(changed);
          else nodes.delete(changed);
          apply(table, add ? [changed] : [], add ? [] : [changed]);
          // What is told for a host is its greatest text, as no node has a timestamp.
          const byKey = new Map<string, string>();
          for (const url of nodes) {
            const key = instanceKey(url);
            if ((byKey.get(key) ?? '') < url.toString()) byKey.set(key, url.toString());
          }
          sets.push({ set: table.toSet(), expected: [...byKey.values()].sort() });
        }
        const inAnyOrder = sets
          .map((entry) => ({ entry, at: Number(random.next().value) }))
          .sort((a, b) => a.at - b.at);
        for (const { entry } of inAnyOrder) {
          expect(contentOf(entry.set)).toEqual(entry.expected);
          expect(entry.set.size).toBe(entry.expected.length);
        }
      }),
    );
  });

  it('is iterated as it was, also when it is outdated in between', () => {
    const table = new InstanceTable();
    apply(table, [node(1, 1), node(2, 1)], []);
    const iterator = table.toSet()[Symbol.iterator]();
    const first = iterator.next().value as ServiceUrl;
    apply(table, [node(3, 1)], [node(1, 1), node(2, 1)]);
    expect([first, ...iterator].map((service) => service?.host)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('finds instances by key', () => {
    const table = new InstanceTable();
    const url = node(1, 1);
    apply(table, [url], []);
    const set = table.toSet();
    const key = instanceKey(url);
    apply(table, [], [url]);
    expect([set.has(key), set.get(key), [...set.keys()]]).toEqual([true, url, [key]]);
    expect([table.toSet().has(key), table.toSet().get(key), table.toSet().size]).toEqual([false, undefined, 0]);
  });

  it('survives a long history that nobody read', () => {
    const table = new InstanceTable();
    apply(table, [node(1, 1)], []);
    const old = table.toSet();
    for (let round = 0; round < 100_000; round += 1)
      apply(table, round % 2 ? [] : [node(2, 1)], round % 2 ? [node(2, 1)] : []);
    expect(contentOf(old)).toEqual(contentOf(table.toSet()));
  });

  it('is empty by default', () => {
    expect([...new InstanceSet()]).toEqual([]);
  });
});
