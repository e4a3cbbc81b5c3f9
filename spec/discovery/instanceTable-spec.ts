import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceEvent } from '../../lib/instances/index.js';
import { InstanceTable, type ServiceNode } from '../../lib/discovery/instanceTable.js';
import { instanceKey, sameService, type ServiceUrl } from '../../lib/dubbo/index.js';
import { pathOf, provider } from '../support/virtual/index.js';

const node = (url: ServiceUrl): ServiceNode => [pathOf(url), url];
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
    .map(({ host, ...parameters }) => node(provider(host, parameters))),
  { maxLength: 12, selector: ([path]) => path },
);

/** What a watch can tell: nodes come when they are not there, and go when they are. */
const histories = fc
  .tuple(nodes, fc.array(fc.array(fc.nat(11), { maxLength: 5 }), { maxLength: 12 }))
  .map(([all, batches]) => {
    const present = new Set<string>();
    return batches.map((indices) => {
      const flipped = [...new Set(indices)].flatMap((index) => (all[index] ? [all[index]] : []));
      const removed = flipped.filter(([path]) => present.has(path));
      const added = flipped.filter(([path]) => !present.has(path));
      for (const [path] of removed) present.delete(path);
      for (const [path] of added) present.add(path);
      return { added, removed, present: all.filter(([path]) => present.has(path)) };
    });
  });

describe('InstanceTable', () => {
  it('tells what comes, changes and goes', () => {
    const table = new InstanceTable();
    expect(told(table.apply([node(light)], []))).toEqual(['add a 1']);
    expect(told(table.apply([node(heavy)], [node(light)]))).toEqual(['update a 2']);
    expect(told(table.apply([], [node(heavy)]))).toEqual(['delete a 2']);
    expect(table.toSet().size).toBe(0);
  });

  it('reads a change of weight, new node first and old one gone later, as one update', () => {
    const table = new InstanceTable();
    table.apply([node(light)], []);
    expect(told(table.apply([node(heavy)], []))).toEqual(['update a 2']);
    expect(told(table.apply([], [node(light)]))).toEqual([]);
  });

  it('reads it as one update too when the new node has the older clock', () => {
    const table = new InstanceTable();
    table.apply([node(heavy)], []);
    expect(told(table.apply([node(light)], []))).toEqual([]);
    expect(told(table.apply([], [node(heavy)]))).toEqual(['update a 1']);
  });

  it('counts nodes that differ in timestamp and pid as one instance, there while any of them is', () => {
    const table = new InstanceTable();
    table.apply([node(light)], []);
    expect(table.apply([node(twin)], [])).toEqual([]);
    expect(table.apply([], [node(light)])).toEqual([]);
    expect(table.toSet().size).toBe(1);
    expect(told(table.apply([], [node(twin)]))).toEqual(['delete a 1']);
  });

  it('knows a timestamp in seconds, as Go writes it, from one in milliseconds', () => {
    const table = new InstanceTable();
    table.apply([node(provider('a', { weight: '1', timestamp: '1700000001' }))], []);
    const java = provider('a', { weight: '2', timestamp: '1700000000999' });
    expect(table.apply([node(java)], [])).toEqual([]);
  });

  it('was never told what went and came back within one batch', () => {
    const table = new InstanceTable();
    table.apply([node(light)], []);
    expect(table.apply([node(light)], [node(light)])).toEqual([]);
    expect(table.apply([node(twin)], [node(light)])).toEqual([]);
  });

  it('does not mind the going of what never came', () => {
    expect(new InstanceTable().apply([], [node(light)])).toEqual([]);
  });

  it('legal events: each is legal, and the fold equals the set, after every batch', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const table = new InstanceTable();
        const fold = new Map<string, ServiceUrl>();
        for (const { added, removed, present } of history) {
          const events = table.apply(added, removed);
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
          expect([...set.keys()].sort()).toEqual([...new Set(present.map(([, url]) => instanceKey(url)))].sort());
          for (const service of set) {
            expect(
              present.some(([, url]) => sameService(url, service)),
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
          atOnce.apply(all, []);
          const oneByOne = new InstanceTable();
          for (const each of shuffled) oneByOne.apply([each], []);
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
        const given = history.map(({ added, removed }) => {
          table.apply(added, removed);
          const set = table.toSet();
          const copy = table.additions().map(({ key, service }): [string, ServiceUrl] => [key, service]);
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

  it('tells one that comes late everything as additions', () => {
    const table = new InstanceTable();
    table.apply([node(light), node(provider('b'))], []);
    table.apply([node(heavy)], [node(light)]);
    expect(told(table.additions()).sort()).toEqual(['add a 2', 'add b -']);
  });
});
