import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceEvent } from '../../lib/instances/index.js';
import { InstanceTable } from '../../lib/discovery/instanceTable.js';
import { instanceKey, sameService, type ServiceUrl } from '../../lib/dubbo/index.js';
import { pathOf, provider } from '../support/virtual/index.js';

const apply = (table: InstanceTable, added: readonly ServiceUrl[], removed: readonly ServiceUrl[]): ServiceEvent[] => {
  table.take(added, removed);
  return table.tell();
};
const told = (events: readonly ServiceEvent[]): string[] =>
  events.map(({ type, service }) => `${type} ${service.host} ${service.parameter('weight') ?? '-'}`);

const light = provider('a', { weight: '1' });
const heavy = provider('a', { weight: '2', timestamp: '1700000000001' });
const twin = provider('a', { weight: '1', timestamp: '1700000000002', pid: '2' });

/** Nodes of few instances, so that they meet. */
const nodes = fc.uniqueArray(
  fc
    .record({
      host: fc.constantFrom('a', 'b', 'c'),
      weight: fc.constantFrom('1', '2'),
      timestamp: fc.constantFrom('1700000000000', '1700000000001', '1700000000'),
      pid: fc.constantFrom('1', '2'),
    })
    .map(({ host, ...parameters }) => provider(host, parameters)),
  { maxLength: 12, selector: pathOf },
);

/** What a watch can tell: nodes come when they are not there, and go when they are. */
const histories = fc
  .tuple(nodes, fc.array(fc.array(fc.nat(11), { maxLength: 5 }), { maxLength: 12 }))
  .map(([all, batches]) => {
    const present = new Set<ServiceUrl>();
    return batches.map((indices) => {
      const flipped = [...new Set(indices)].flatMap((index) => (all[index] ? [all[index]] : []));
      const removed = flipped.filter((url) => present.has(url));
      const added = flipped.filter((url) => !present.has(url));
      for (const url of removed) present.delete(url);
      for (const url of added) present.add(url);
      return { added, removed, present: all.filter((url) => present.has(url)) };
    });
  });

describe('InstanceTable', () => {
  it('tells what comes, changes and goes', () => {
    const table = new InstanceTable();
    expect(told(apply(table, [light], []))).toEqual(['add a 1']);
    expect(told(apply(table, [heavy], [light]))).toEqual(['update a 2']);
    expect(told(apply(table, [], [heavy]))).toEqual(['delete a 2']);
    expect(table.toSet().size).toBe(0);
  });

  it('tells an instance as gone while its newest node says that it is switched off', () => {
    const off = provider('a', { disabled: 'true', timestamp: '1700000000001' });
    const on = provider('a', { timestamp: '1700000000002', pid: '2' });
    const table = new InstanceTable((node) => node.parameter('disabled') !== 'true');
    expect(told(apply(table, [off], []))).toEqual([]);
    expect(told(apply(table, [], [off]))).toEqual([]);
    expect(told(apply(table, [light], []))).toEqual(['add a 1']);
    // A process that was killed may have left the older one.
    expect(told(apply(table, [off], []))).toEqual(['delete a 1']);
    expect(told(apply(table, [], [light]))).toEqual([]);
    expect(told(apply(table, [on], []))).toEqual(['add a -']);
    expect(told(apply(table, [], [off]))).toEqual([]);
    expect(told(apply(table, [], [on]))).toEqual(['delete a -']);
    // Where the one that is off goes first, the older one counts again.
    apply(table, [light, off], []);
    expect(told(apply(table, [], [off]))).toEqual(['add a 1']);
    expect(table.toSet().size).toBe(1);
  });

  it('reads a change of weight, new node first and old one gone later, as one update', () => {
    const table = new InstanceTable();
    apply(table, [light], []);
    expect(told(apply(table, [heavy], []))).toEqual(['update a 2']);
    expect(told(apply(table, [], [light]))).toEqual([]);
  });

  it('reads it as one update too when the new node has the older clock', () => {
    const table = new InstanceTable();
    apply(table, [heavy], []);
    expect(told(apply(table, [light], []))).toEqual([]);
    expect(told(apply(table, [], [heavy]))).toEqual(['update a 1']);
  });

  it('counts nodes that differ in timestamp and pid as one instance, there while any of them is', () => {
    const table = new InstanceTable();
    apply(table, [light], []);
    expect(apply(table, [twin], [])).toEqual([]);
    expect(apply(table, [], [light])).toEqual([]);
    expect(table.toSet().size).toBe(1);
    expect(told(apply(table, [], [twin]))).toEqual(['delete a 1']);
  });

  it('knows a timestamp in seconds, as Go writes it, from one in milliseconds', () => {
    const table = new InstanceTable();
    apply(table, [provider('a', { weight: '1', timestamp: '1700000001' })], []);
    const java = provider('a', { weight: '2', timestamp: '1700000000999' });
    expect(apply(table, [java], [])).toEqual([]);
  });

  it('was never told what went and came back within one batch', () => {
    const table = new InstanceTable();
    apply(table, [light], []);
    expect(apply(table, [light], [light])).toEqual([]);
    expect(apply(table, [twin], [light])).toEqual([]);
  });

  it('takes a batch in piece by piece, and tells it net all the same', () => {
    const table = new InstanceTable();
    apply(table, [light, provider('b')], []);
    table.take([], [light]);
    table.take([provider('c')], [provider('b')]);
    table.take([heavy], []);
    expect(told(table.tell())).toEqual(['update a 2', 'add c -']);
    expect(table.tell()).toEqual([]);
  });

  it('does not mind the going of what never came', () => {
    expect(apply(new InstanceTable(), [], [light])).toEqual([]);
  });

  it('legal events: each is legal, and the fold equals the set, after every batch', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const table = new InstanceTable();
        const fold = new Map<string, ServiceUrl>();
        for (const { added, removed, present } of history) {
          const events = apply(table, added, removed);
          expect(new Set(events.map(({ key }) => key)).size, 'one event for each instance').toBe(events.length);
          for (const event of events) {
            const known = fold.get(event.key);
            expect(event.key).toBe(instanceKey(event.service));
            switch (event.type) {
              case 'add':
                expect(known).toBeUndefined();
                break;
              case 'update':
                expect(event.previous).toBe(known);
                expect(sameService(event.previous, event.service)).toBe(false);
                break;
              case 'delete':
                expect(event.service).toBe(known);
            }
            if (event.type === 'delete') fold.delete(event.key);
            else fold.set(event.key, event.service);
          }
          const set = table.toSet();
          expect(new Map([...set.keys()].map((key) => [key, set.get(key)]))).toEqual(fold);
          expect([...set.keys()].sort()).toEqual([...new Set(present.map(instanceKey))].sort());
          for (const service of set) {
            expect(
              present.some((url) => sameService(url, service)),
              'what is told is there',
            ).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes to the same state in whatever order and batches the nodes come', () => {
    fc.assert(
      fc.property(
        nodes.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
        ),
        ([all, shuffled]) => {
          const atOnce = new InstanceTable();
          apply(atOnce, all, []);
          const oneByOne = new InstanceTable();
          for (const each of shuffled) apply(oneByOne, [each], []);
          const [a, b] = [atOnce.toSet(), oneByOne.toSet()];
          expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
          for (const key of a.keys()) expect(sameService(a.get(key)!, b.get(key)!)).toBe(true);
        },
      ),
    );
  });

  it('never changes a set that it has given away', () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.boolean()), (history, early) => {
        const table = new InstanceTable();
        const present = new Map<string, ServiceUrl>();
        const given = history.map(({ added, removed }) => {
          for (const { type, key, service } of apply(table, added, removed)) {
            if (type === 'delete') present.delete(key);
            else present.set(key, service);
          }
          const set = table.toSet();
          const copy = [...present];
          // Whether it was ever read must make no difference.
          if (early.next().value) expect(set.size).toBe(copy.length);
          return { set, copy };
        });
        for (const { set, copy } of given) {
          expect(set.size).toBe(copy.length);
          expect(new Map([...set.keys()].map((key) => [key, set.get(key)]))).toEqual(new Map(copy));
          expect(set.toArray()).toEqual([...set]);
          for (const [key] of copy) expect(set.has(key)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
