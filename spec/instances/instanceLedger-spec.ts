import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InstanceLedger, InstanceSet } from '../../lib/instances/index.js';

const url = (host: number, weight: number): ServiceUrl => ServiceUrl.parse(`dubbo://h${host}:1/x.Y?weight=${weight}`);
const URLS = [1, 2, 3, 4].map((host) => [url(host, 1), url(host, 2)] as const);

const batches = fc.array(
  fc.array(fc.tuple(fc.nat({ max: 3 }), fc.option(fc.nat({ max: 1 }), { nil: undefined })), { maxLength: 4 }),
  { maxLength: 25 },
);
const entriesOf = (batch: readonly (readonly [number, number | undefined])[]) =>
  batch.map(([host, weight]) => [`k${host}`, weight === undefined ? undefined : URLS[host]![weight]!] as const);

describe('InstanceLedger', () => {
  it('tells from every set to every later one exactly what differs, whoever was read before', () => {
    fc.assert(
      fc.property(batches, fc.infiniteStream(fc.nat({ max: 9 })), (written, random) => {
        const ledger = new InstanceLedger();
        const sets = [ledger.set];
        const contents: ReadonlyMap<string, ServiceUrl>[] = [new Map()];
        for (const batch of written) {
          const changes = ledger.write(entriesOf(batch));
          const before = contents.at(-1)!;
          const now = new Map(before);
          for (const [key, instance] of entriesOf(batch)) {
            if (instance) now.set(key, instance);
            else now.delete(key);
          }
          expect(byKey(changes)).toEqual(differences(before, now));
          sets.push(ledger.set);
          contents.push(now);
        }
        for (let i = 0; i < sets.length; i += 1) {
          for (let j = i; j < sets.length; j += 1) {
            expect(byKey(sets[j]!.changesSince(sets[i]!))).toEqual(differences(contents[i]!, contents[j]!));
            // One that was read in between has a copy of its own, and the way to it is lost.
            if (Number(random.next().value) === 0) expect(sets[i]!.size).toBe(contents[i]!.size);
          }
        }
      }),
    );
  });

  it('compares sets of different makers whole', () => {
    const [one, other] = [new InstanceLedger(), new InstanceLedger()];
    one.write([
      ['a', URLS[0]![0]],
      ['b', URLS[1]![0]],
    ]);
    other.write([
      ['b', URLS[1]![0]],
      ['c', URLS[2]![0]],
    ]);
    expect(byKey(other.set.changesSince(one.set))).toEqual({
      a: [URLS[0]![0], undefined],
      c: [undefined, URLS[2]![0]],
    });
  });

  it('hands out the same set as long as nothing changed', () => {
    const ledger = new InstanceLedger();
    ledger.write([['a', URLS[0]![0]]]);
    const { set } = ledger;
    expect(
      ledger.write([
        ['a', URLS[0]![0]],
        ['b', undefined],
      ]),
    ).toEqual([]);
    expect(ledger.set).toBe(set);
    expect(set.changesSince(set)).toEqual([]);
  });

  it('does not pay for the size of the set', () => {
    const many = new Map(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, URLS[0]![0]] as const));
    const ledger = new InstanceLedger();
    ledger.write(many);
    let looked = 0;
    const counting = new InstanceSet(
      new Proxy(many, { get: (...args) => ((looked += 1), Reflect.get(...args) as unknown) }),
    );
    const next = new InstanceSet(many);
    counting.outdate(next, new Map([['k7', URLS[1]![0]]]));
    expect(next.changesSince(counting)).toHaveLength(1);
    expect(looked).toBe(0);
  });
});

function byKey(changes: readonly { key: string; before: unknown; after: unknown }[]): Record<string, unknown[]> {
  expect(new Set(changes.map(({ key }) => key)).size).toBe(changes.length);
  return Object.fromEntries(changes.map(({ key, before, after }) => [key, [before, after]]));
}

function differences(
  before: ReadonlyMap<string, ServiceUrl>,
  now: ReadonlyMap<string, ServiceUrl>,
): Record<string, unknown[]> {
  const keys = new Set([...before.keys(), ...now.keys()]);
  return Object.fromEntries(
    [...keys].filter((key) => before.get(key) !== now.get(key)).map((key) => [key, [before.get(key), now.get(key)]]),
  );
}
