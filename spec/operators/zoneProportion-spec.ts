import fc from 'fast-check';
import { of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceLedger, InstanceSet } from '../../lib/instances/index.js';
import { preferZone, type PreferZoneOptions } from '../../lib/operators/index.js';
import { zoneShares } from '../../lib/operators/zoneShares.js';
import { weightOf } from '../../lib/balancers/shared/weight.js';
import { keepsTheContract } from './support/contract.js';

/** How many instances each zone has, all of one weight. */
type Sizes = Readonly<Record<string, number>>;

function instanceIn(zone: string, number: number, weight: number): ServiceUrl {
  const parameters = { zone, weight: String(weight) };
  return ServiceUrl.from({ protocol: 'dubbo', host: `${zone || 'no'}-${number}`, port: 1, path: 'x.Y', parameters });
}

function instancesOf(sizes: Sizes, weight = 100): Map<string, ServiceUrl> {
  const instances = Object.entries(sizes).flatMap(([zone, size]) =>
    Array.from({ length: size }, (_, number) => instanceIn(zone, number, weight)),
  );
  return new Map(instances.map((instance) => [instanceKey(instance), instance]));
}

/** What a client in a zone is left with. */
function kept(instances: ReadonlyMap<string, ServiceUrl>, zone: string, options: PreferZoneOptions): ServiceUrl[] {
  let set = new InstanceSet();
  of(new InstanceSet(new Map(instances)))
    .pipe(preferZone(zone, options))
    .subscribe((told) => (set = told));
  return set.toArray();
}

/** The calls that each instance gets by weight, by zone from the least to the most, when each zone makes so many. */
function callsPerInstance(
  instances: ReadonlyMap<string, ServiceUrl>,
  calls: Sizes,
  options: PreferZoneOptions,
): Record<string, [least: number, most: number]> {
  const got = new Map([...instances.values()].map(({ host }) => [host, 0]));
  for (const [zone, count] of Object.entries(calls)) {
    const targets = count > 0 ? kept(instances, zone, options) : [];
    const total = targets.reduce((sum, target) => sum + weightOf(target), 0);
    for (const target of targets) {
      got.set(target.host, got.get(target.host)! + (count * weightOf(target)) / total);
    }
  }
  const zones = new Set([...instances.values()].map((instance) => instance.parameter('zone')!));
  return Object.fromEntries(
    [...zones].map((zone) => {
      const loads = [...got].filter(([host]) => host.startsWith(`${zone}-`)).map(([, load]) => load);
      return [zone, [Math.min(...loads), Math.max(...loads)]];
    }),
  );
}

describe('preferZone in proportion', () => {
  keepsTheContract(() => preferZone('eu', { mode: 'proportional', zoneOf: () => 'eu' }));

  describe('(envoyproxy/envoy #38561, kumahq/kuma #9161) of zones with 1, 12 and 11 instances, the first two with 400 calls each', () => {
    const instances = instancesOf({ a: 1, b: 12, c: 11 });
    const calls = { a: 400, b: 400, c: 0 };

    it('gives each instance as many as any other, where falling back gives 400 : 33 : 0', () => {
      const fallingBack = callsPerInstance(instances, calls, {});
      expect(fallingBack).toEqual({ a: [400, 400], b: [400 / 12, 400 / 12], c: [0, 0] });
      const loads = callsPerInstance(instances, calls, { mode: 'proportional', traffic: calls });
      for (const [least, most] of Object.values(loads)) {
        // 800 calls for 24 instances. A weight of 100 is rounded to a hundredth of itself.
        expect(least).toBeGreaterThan((800 / 24) * 0.98);
        expect(most).toBeLessThan((800 / 24) * 1.02);
      }
    });

    it('leaves alone who has enough, and leaves out who lends nothing', () => {
      const options = { mode: 'proportional', traffic: calls } as const;
      const b = kept(instances, 'b', options);
      expect(b.map((instance) => instance.parameter('zone'))).toEqual(Array<string>(12).fill('b'));
      for (const instance of b) expect(instance).toBe(instances.get(instanceKey(instance)));
      const a = kept(instances, 'a', options);
      expect(a.map((instance) => instance.parameter('zone')).sort()).toEqual(['a', ...Array<string>(11).fill('c')]);
    });
  });

  it('gives every instance the calls that its weight says, and keeps as many as can be in their zone', () => {
    const amounts = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(amounts, (zones) => {
        const capacity = zones.reduce((sum, [weight]) => sum + weight, 0);
        const demand = zones.reduce((sum, [, calls]) => sum + calls, 0);
        fc.pre(capacity > 0 && demand > 0);
        const weights = new Map(zones.map(([weight], index) => [`${index}`, weight]));
        const traffic = new Map(zones.map(([, calls], index) => [`${index}`, calls]));
        const got = new Map<string, number>();
        for (const [zone, calls] of traffic) {
          if (calls === 0) continue;
          const factors = zoneShares(zone, weights, traffic);
          expect(Math.max(...factors.values())).toBe(1);
          const total = [...factors].reduce((sum, [name, factor]) => sum + factor * weights.get(name)!, 0);
          for (const [name, factor] of factors) {
            const share = (factor * weights.get(name)!) / total;
            got.set(name, (got.get(name) ?? 0) + (share * calls) / demand);
            if (name === zone) {
              const most = (weights.get(zone)! / capacity) * (demand / calls);
              expect(share).toBeCloseTo(Math.min(1, most), 6);
            }
          }
        }
        for (const [name, weight] of weights) expect(got.get(name) ?? 0).toBeCloseTo(weight / capacity, 6);
      }),
    );
  });

  it('takes zones to call as much each, of those that have instances and the own', () => {
    const sizes = { a: 10, b: 30, c: 20, '': 5 };
    const instances = instancesOf(sizes);
    const even = kept(instances, 'a', { mode: 'proportional' });
    expect(even).toEqual(kept(instances, 'a', { mode: 'proportional', traffic: { a: 1, b: 1, c: 1 } }));
    const weightIn = (zone: string): number =>
      even.filter((each) => each.parameter('zone') === zone).reduce((sum, each) => sum + weightOf(each), 0);
    // 65 instances, a third of the calls from each zone: a has room for 10/65 of them, b has 30/65 - 1/3 left, and so on.
    const room = { b: 30 / 65 - 1 / 3, '': 5 / 65 };
    const total = room.b + room[''];
    const handedOn = (1_000 * (1 / 3 - 10 / 65)) / (10 / 65);
    expect(weightIn('a')).toBe(1_000);
    expect(weightIn('c')).toBe(0);
    // Each weight is rounded up or down, by 1 at most.
    expect(Math.abs(weightIn('b') - (handedOn * room.b) / total)).toBeLessThan(30);
    expect(Math.abs(weightIn('') - (handedOn * room['']) / total)).toBeLessThan(5);
  });

  it('hands on all calls where there is nobody, and also where those who are there have weight 0', () => {
    const elsewhere = instancesOf({ b: 2, c: 1 });
    const options = { mode: 'proportional', traffic: { a: 1, b: 1 } } as const;
    const spare = instanceIn('a', 0, 0);
    const withSpare = new Map([...elsewhere, [instanceKey(spare), spare]]);
    for (const [instances, hosts] of [
      [elsewhere, ['b-0', 'b-1', 'c-0']],
      [withSpare, ['a-0', 'b-0', 'b-1', 'c-0']],
    ] as const) {
      const targets = kept(instances, 'a', options);
      expect(targets.map(({ host }) => host).sort()).toEqual(hosts);
      const weights = Object.fromEntries(targets.map((target) => [target.host, weightOf(target)]));
      // b has 1/6 left for 2 instances, c 1/3 for one: four times as much each.
      expect(weights).toMatchObject({ 'b-0': 25, 'b-1': 25, 'c-0': 100 });
    }
    expect(kept(new Map([[instanceKey(spare), spare]]), 'a', options)).toEqual([spare]);
    expect(kept(instancesOf({ a: 1, b: 2 }, 0), 'a', options).length).toBe(3);
    expect(kept(new Map(), 'a', options)).toEqual([]);
  });

  it('is as exact where weights are small', () => {
    const loads = callsPerInstance(
      instancesOf({ a: 10, b: 30 }, 1),
      { a: 400, b: 400 },
      { mode: 'proportional', traffic: { a: 1, b: 1 } },
    );
    for (const [least, most] of Object.values(loads)) {
      expect(least).toBeGreaterThan(20 * 0.98);
      expect(most).toBeLessThan(20 * 1.02);
    }
  });

  it('hands on what it should where that is less than 1 of each weight', () => {
    // 200 instances elsewhere for the hundredth that the zone lacks: half a weight each, which is rounded by key.
    const targets = kept(instancesOf({ a: 99, b: 200 }), 'a', {
      mode: 'proportional',
      traffic: { a: 100, b: 199 },
    });
    const elsewhere = targets.filter((each) => each.parameter('zone') === 'b');
    const handedOn = elsewhere.reduce((sum, each) => sum + weightOf(each), 0);
    // A hundred, give or take four times the spread of 200 draws.
    expect(Math.abs(handedOn - 100)).toBeLessThan(4 * Math.sqrt(200 / 4));
    expect(new Set(elsewhere.map(weightOf))).toEqual(new Set([1]));
  });

  it('is what it would be from the start, whatever came before', () => {
    const step = fc.record({
      zone: fc.constantFrom('a', 'b', 'c', ''),
      number: fc.integer({ min: 0, max: 4 }),
      weight: fc.constantFrom(undefined, 0, 1, 100, 250),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const options = { mode: 'proportional', traffic: { a: 3, b: 1 } } as const;
        const ledger = new InstanceLedger();
        const source = new Subject<InstanceSet>();
        let told = new InstanceSet();
        source.pipe(preferZone('a', options)).subscribe((set) => (told = set));
        for (const { zone, number, weight } of steps) {
          const instance = weight === undefined ? undefined : instanceIn(zone, number, weight);
          ledger.write([[instanceKey(instanceIn(zone, number, 100)), instance]]);
          source.next(ledger.set);
          const now = ledger.set.toArray().map((each) => [instanceKey(each), each] as const);
          const fresh = kept(new Map(now), 'a', options);
          const texts = (instances: readonly ServiceUrl[]): string[] => instances.map(String).sort();
          expect(texts(told.toArray())).toEqual(texts(fresh));
        }
      }),
    );
  });

  it.each<[PreferZoneOptions, string]>([
    [{ mode: 'near' as never }, 'mode'],
    [{ mode: 'proportional', minimum: 2 }, 'minimum'],
    [{ mode: 'proportional', fallback: ['b'] }, 'fallback'],
    [{ mode: 'proportional', elsewhere: true }, 'elsewhere'],
    [{ mode: 'proportional', traffic: 1 as never }, 'traffic'],
    [{ mode: 'proportional', traffic: { a: '1' as never } }, 'traffic'],
    [{ mode: 'proportional', traffic: { a: 1, b: -1 } }, 'traffic'],
    [{ mode: 'proportional', traffic: { a: Infinity } }, 'traffic'],
    [{ mode: 'proportional', traffic: { b: 1 } }, 'traffic'],
    [{ traffic: { a: 1 } }, 'traffic'],
  ])('refuses %j', (options, option) => {
    expect(() => preferZone('a', options)).toThrow(expect.objectContaining({ option }) as InvalidOptionError);
    expect(() => preferZone('a', options)).toThrow(InvalidOptionError);
  });
});
