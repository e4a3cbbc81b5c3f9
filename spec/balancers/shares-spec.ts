import { describe, expect, it } from 'vitest';
import {
  type BalancerFactory,
  consistentHash,
  leastLoaded,
  powerOfTwoChoices,
  random,
  rendezvous,
  shortestResponse,
  smoothWeightedRoundRobin,
  sticky,
} from '../../lib/balancers/index.js';
import { Stage } from './stage.js';
import { seeded, withinAt99 } from './statistics.js';

/*
 * What every balancer that honours weights promises of 100,000 picks where all answer equally fast: each instance has its
 * share by weight within 10 %, those that choose by hash within 3/√points of the points that it has, and those that choose by load have calls under way
 * in proportion to their weights within 10 % or one call, for calls are whole.
 *
 * Of what is drawn by lot the spread by chance is taken off at 99 % confidence (normal approximation of the binomial
 * distribution, two-sided, Bonferroni over the instances compared): what is claimed holds for the shares behind the counts.
 */
const PICKS = 100_000;
const LATENCY_MS = 50;
const WEIGHTS = { a: 100, b: 90, c: 50, d: 200, e: 20 };
const draw = seeded(99);

type Kind = 'turns' | 'lots' | 'load' | 'keys';
const BALANCERS: readonly (readonly [name: string, kind: Kind, factory: BalancerFactory, tolerance: number])[] = [
  ['smoothWeightedRoundRobin', 'turns', smoothWeightedRoundRobin({ random: draw }), 0.1],
  ['random', 'lots', random({ random: draw }), 0.1],
  ['leastLoaded', 'load', leastLoaded({ random: draw }), 0.1],
  ['powerOfTwoChoices', 'load', powerOfTwoChoices({ random: draw }), 0.1],
  ['shortestResponse', 'load', shortestResponse({ random: draw }), 0.1],
  ['consistentHash, 64 points', 'keys', consistentHash({ maxLoad: Infinity }), 3 / Math.sqrt(64)],
  ['consistentHash, 1024 points', 'keys', consistentHash({ maxLoad: Infinity, points: 1_024 }), 3 / Math.sqrt(1_024)],
  // It has 40 points for an instance of the default weight, and asks 8 times.
  ['rendezvous', 'keys', rendezvous(), 0.15],
  ['sticky', 'turns', sticky(smoothWeightedRoundRobin({ random: draw }), { maxKeys: 10 }), 0.1],
];

/** Calls to a balancer that each take as long, and so many at a time. */
class Traffic {
  readonly stage: Stage;
  readonly picked = new Map<string, number>();
  /** What the weights at the time of each pick add up to for each. */
  readonly entitled = new Map<string, number>();
  /** Calls under way, and what the weights would have of them, summed over the picks; for those that choose by load. */
  readonly busy = new Map<string, number>();
  readonly fair = new Map<string, number>();
  readonly #isLoad: boolean;
  readonly #concurrency: number;
  readonly #latencyMs: () => number;
  #calls: { readonly name: string; readonly begun: number; readonly endsAt: number }[] = [];
  #total = 0;
  #keys = 0;

  constructor(
    kind: Kind,
    factory: BalancerFactory,
    weights: Readonly<Record<string, number>>,
    concurrency: number,
    jitter = 0,
  ) {
    this.#isLoad = kind === 'load';
    this.stage = new Stage(factory, weights);
    this.#concurrency = concurrency;
    const noise = seeded(5);
    this.#latencyMs = () => LATENCY_MS * (1 + jitter * (2 * noise() - 1));
    this.#total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  }

  join(name: string, weight: number): void {
    this.#total += weight;
    this.stage.join(name, weight);
  }

  /** Lets one go with all calls to it. */
  leave(name: string): void {
    const own = this.#calls.filter((call) => call.name === name);
    for (const { begun, endsAt } of own) this.stage.end(name, endsAt - begun);
    this.#calls = this.#calls.filter((call) => call.name !== name);
    this.#total -= this.stage.weight(name);
    this.stage.leave(name);
  }

  reweigh(name: string, weight: number): void {
    this.#total += weight - this.stage.weight(name);
    this.stage.reweigh(name, weight);
  }

  call(): string {
    const { stage } = this;
    if (this.#calls.length === this.#concurrency) this.#end();
    for (const name of stage.names) {
      const share = stage.weight(name) / this.#total;
      add(this.entitled, name, share);
      if (!this.#isLoad) continue;
      add(this.fair, name, share * this.#calls.length);
      add(this.busy, name, stage.inFlight(name));
    }
    const name = stage.call(`key-${this.#keys++}`);
    add(this.picked, name, 1);
    const call = { name, begun: stage.now, endsAt: stage.now + this.#latencyMs() };
    const at = this.#calls.findIndex(({ endsAt }) => endsAt > call.endsAt);
    this.#calls.splice(at < 0 ? this.#calls.length : at, 0, call);
    return name;
  }

  #end(): void {
    const { name, begun, endsAt } = this.#calls.shift()!;
    this.stage.now = Math.max(this.stage.now, endsAt);
    this.stage.end(name, endsAt - begun);
  }
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}

/** Whether what was picked is in proportion to the weights, in the terms of the balancer's kind. */
function expectShares(
  traffic: Traffic,
  kind: Kind,
  tolerance: number,
  concurrency: number,
  lightestOf: (name: string) => number = (name) => traffic.stage.weight(name),
): void {
  const names = traffic.stage.names;
  if (kind === 'load' && concurrency > 1) {
    for (const name of names) {
      const picks = [...traffic.picked.values()].reduce((sum, count) => sum + count, 0);
      const [busy, fair] = [traffic.busy.get(name)! / picks, traffic.fair.get(name)! / picks];
      expect(Math.abs(busy - fair), `${name}: ${busy} of ${fair}`).toBeLessThan(Math.max(tolerance * fair, 1));
    }
    return;
  }
  const isLot = kind === 'lots' || kind === 'load';
  for (const name of names) {
    const expected = traffic.entitled.get(name)!;
    const count = traffic.picked.get(name) ?? 0;
    // Tolerances of those that choose by hash are of the points that the default weight has.
    const allowed = kind === 'keys' ? tolerance * Math.sqrt(100 / lightestOf(name)) : tolerance;
    const off = isLot ? withinAt99(count, expected, names.length) : Math.abs(count / expected - 1);
    expect(off, `${name}: ${count} of ${expected}`).toBeLessThan(allowed);
  }
}

describe.each(BALANCERS)('%s', (_, kind, factory, tolerance) => {
  describe.each([
    ['one call at a time', 1],
    ['8 calls at a time', 8],
    ['64 calls at a time', 64],
  ])('%s', (_name, concurrency) => {
    it('has the shares that weights say', () => {
      const traffic = new Traffic(kind, factory, WEIGHTS, concurrency);
      for (let call = 0; call < PICKS; call++) traffic.call();
      expectShares(traffic, kind, tolerance, concurrency);
    });

    it('has them where latencies differ by a fifth by chance', () => {
      const traffic = new Traffic(kind, factory, WEIGHTS, concurrency, 0.2);
      for (let call = 0; call < PICKS; call++) traffic.call();
      expectShares(traffic, kind, tolerance, concurrency);
    });

    it('has them while weights move', () => {
      const traffic = new Traffic(kind, factory, WEIGHTS, concurrency);
      const moves = seeded(17);
      for (let call = 0; call < PICKS; call++) {
        if (call % 100 === 0) {
          const names = traffic.stage.names;
          traffic.reweigh(names[Math.floor(moves() * names.length)]!, 20 + Math.floor(moves() * 300));
        }
        traffic.call();
      }
      expectShares(traffic, kind, tolerance, concurrency, () => 20);
    });

    it('(envoyproxy/envoy #29259) has them in every sixth of the 30 s that one of 21 warms up', () => {
      const olds = Object.fromEntries(Array.from({ length: 20 }, (_each, index) => [`old-${index}`, 100]));
      const traffic = new Traffic(kind, factory, olds, concurrency);
      // 38 calls a second, as often as makes 100,000 of them: each time another one comes.
      const sums = Array.from({ length: 6 }, () => ({ picked: 0, entitled: 0, busy: 0, fair: 0, picks: 0 }));
      for (let round = 0; round * 30 * 38 < PICKS; round++) {
        const name = `new-${round}`;
        traffic.join(name, 1);
        for (let second = 0; second < 30; second++) {
          traffic.reweigh(name, Math.max(1, Math.floor((100 * second) / 30)));
          for (let call = 0; call < 38; call++) traffic.call();
          const sum = sums[Math.floor(second / 5)]!;
          sum.picks += 38;
          for (const field of ['picked', 'entitled', 'busy', 'fair'] as const) {
            sum[field] += traffic[field].get(name) ?? 0;
            traffic[field].clear();
          }
        }
        traffic.leave(name);
      }
      for (const [sixth, { picked, entitled, busy, fair, picks }] of sums.entries()) {
        const what = `${sixth}: ${picked} of ${entitled}`;
        if (kind === 'load' && concurrency > 1) {
          if (picked < entitled) expect(withinAt99(picked, entitled, 6), what).toBeLessThan(0.2);
          expect(Math.abs(busy - fair) / picks, what).toBeLessThan(Math.max((tolerance * fair) / picks, 1));
          continue;
        }
        // Within the tolerance, or one call of each of them: calls are whole.
        const allowed = kind === 'keys' ? Math.max(tolerance, 0.5) : tolerance;
        const off = kind === 'turns' ? Math.abs(picked / entitled - 1) : withinAt99(picked, entitled, 6);
        expect(off, what).toBeLessThan(Math.max(allowed, picks / 5 / 38 / entitled));
      }
    });
  });
});
