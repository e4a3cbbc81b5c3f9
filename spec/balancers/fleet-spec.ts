import { describe, expect, it } from 'vitest';
import { CONTESTANTS } from '../../bench/fleet/contestants.js';
import { type Figures, Fleet, type MakeBalancer, quantile } from '../../bench/fleet/fleet.js';

/*
 * Clients that call hosts at six tenths of what those can do, in virtual time and with seeded random numbers: the same in every
 * run. A client knows of no calls but its own, which are few for each host: it cannot do much better than chance, and the specs
 * hold that it does not do much worse, which is what clients in step look like.
 */
const BALANCERS = Object.entries(CONTESTANTS).filter(
  ([name]) => !['exact least loaded', 'uniform random'].includes(name),
);

function fleetOf(balancer: MakeBalancer, clients: number, hosts: number): Fleet {
  return new Fleet({ clients, weights: Array<number>(hosts).fill(100), utilization: 0.6, balancer });
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const p99 = ({ load }: Figures): number => quantile(load, 0.99);

describe('a fleet of clients', () => {
  const byChance = p99(fleetOf(CONTESTANTS['uniform random']!, 30, 30).pass(2_000));

  // In step, the load is three times what it is by chance.
  it.each(BALANCERS)('does not call the same hosts at the same time when it starts: %s', (_name, balancer) => {
    const started = fleetOf(balancer, 30, 30).pass(2_000);
    expect(started.failed).toBe(0);
    expect(p99(started)).toBeLessThan(2 * byChance);
  });

  // If each client called a new host next, the load there would be more than twenty times that of others. `shortestResponse`
  // sends all clients to whoever looks fastest, as its documentation says.
  it.each(BALANCERS.filter(([name]) => name !== 'shortestResponse'))(
    'does not call new hosts all at once: %s',
    (_name, balancer) => {
      const fleet = fleetOf(balancer, 120, 20);
      fleet.pass(2_000);
      const others = fleet.hosts.slice(0, 10);
      const news = Array.from({ length: 10 }, (_each, index) => fleet.make(`new-${index}`));
      fleet.join(news);
      const peaks = new Map([...others, ...news].map((host) => [host, 0]));
      for (let sample = 0; sample < 40; sample++) {
        fleet.pass(50);
        for (const [host, peak] of peaks) peaks.set(host, Math.max(peak, host.load));
      }
      const peakOf = (hosts: typeof news): number => mean(hosts.map((host) => peaks.get(host)!));
      expect(peakOf(news)).toBeLessThan(2 * peakOf(others));
    },
  );

  it.each(BALANCERS)('does not run to hosts that fail at once: %s', (name, balancer) => {
    const fleet = fleetOf(balancer, 20, 20);
    fleet.pass(2_000);
    for (const host of fleet.hosts.slice(0, 4)) host.health = 'failing';
    const { failed, calls } = fleet.pass(6_000);
    // A fifth of the hosts fails. Those that look at what comes of calls send less there, the others no more than that.
    const looks = ['powerOfTwoChoices', 'shortestResponse'].includes(name);
    expect(failed / calls).toBeLessThan(looks ? 0.1 : 0.3);
  });
});
