import { pipe } from 'rxjs';
import { ejectOutliers, subset } from '../../lib/operators/index.js';
import { type Figures, Fleet, type FleetOptions, type MakeBalancer } from './fleet.js';

/** Something that befalls a fleet, and what came of its calls meanwhile. */
export interface Scenario {
  readonly name: string;
  readonly what: string;
  play(balancer: MakeBalancer): Figures;
}

const HOSTS = 100;
const WARM_MS = 4_000;
const MEASURED_MS = 10_000;

function fleetOf(balancer: MakeBalancer, options: Partial<FleetOptions> = {}): Fleet {
  const weights = Array<number>(HOSTS).fill(100);
  return new Fleet({ clients: 100, weights, utilization: 0.7, balancer, ...options });
}

function afterWarmingUp(befall: (fleet: Fleet) => void, options: Partial<FleetOptions> = {}): Scenario['play'] {
  return (balancer) => {
    const fleet = fleetOf(balancer, options);
    fleet.pass(WARM_MS);
    befall(fleet);
    return fleet.pass(MEASURED_MS);
  };
}

function fail(fleet: Fleet): void {
  for (const host of fleet.hosts.slice(0, 5)) host.health = 'failing';
}

/** One after the other leaves, and is back two seconds later, cold; ten join at once in the middle. */
function restart(fleet: Fleet): void {
  for (let number = 0; number < 16; number++) {
    const host = fleet.hosts[number]!;
    fleet.time.after(number * 500, () => fleet.leave([host]));
    fleet.time.after(number * 500 + 2_000, () => {
      host.slowness = 3;
      fleet.join([host]);
    });
    fleet.time.after(number * 500 + 5_000, () => (host.slowness = 1));
  }
  const joining = Array.from({ length: 10 }, (_, number) => fleet.make(`new-${number}`));
  fleet.time.after(5_000, () => fleet.join(joining));
}

/** What the page shows. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'start',
    what: 'all clients start at the same moment; the first 10 s',
    play: (balancer) => fleetOf(balancer).pass(MEASURED_MS),
  },
  {
    name: 'weights',
    what: 'hosts of weight 50, 100 and 200, which serve 1, 2 and 4 calls at a time',
    play: afterWarmingUp(() => undefined, {
      weights: Array.from({ length: HOSTS }, (_, index) => [50, 100, 200][index % 3]!),
    }),
  },
  {
    name: 'slow',
    what: '10 hosts become five times slower',
    play: afterWarmingUp((fleet) => {
      for (const host of fleet.hosts.slice(0, 10)) host.slowness = 5;
    }),
  },
  { name: 'failing', what: '5 hosts refuse every call within a millisecond', play: afterWarmingUp(fail) },
  {
    name: 'failing, in subsets',
    what: 'the same, with `subset({ size: 10 })` and `ejectOutliers` before `balance`',
    play: afterWarmingUp(fail, {
      before: ({ name, meter, scheduler }) =>
        pipe(subset({ size: 10, by: name }), ejectOutliers(meter.outcomes, { scheduler })),
    }),
  },
  {
    name: 'hung',
    what: '5 hosts take calls and never answer; clients give up after 1 s',
    play: afterWarmingUp((fleet) => {
      for (const host of fleet.hosts.slice(0, 5)) host.health = 'hung';
    }),
  },
  {
    name: 'restarts',
    what: '16 hosts restart one after the other and are slow for 3 s when they are back; 10 new ones join at once',
    play: afterWarmingUp(restart),
  },
];
