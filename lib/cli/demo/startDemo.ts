import {
  BehaviorSubject,
  combineLatest,
  EMPTY,
  filter,
  firstValueFrom,
  interval,
  map,
  mergeMap,
  Subscription,
  timer,
} from 'rxjs';
import { createConfigCenter } from '../../createConfigCenter.js';
import { createRegistry } from '../../createRegistry.js';
import { governanceKey } from '../../config/governanceKey.js';
import type { ServiceUrl } from '../../dubbo/index.js';
import { demoConsumers, demoProviders } from './demoFleet.js';

/** A fleet on a registry in memory, which lives until it is stopped. */
export interface Demo {
  /** Where other registries of this process find it. */
  readonly address: string;
  stop(): Promise<void>;
}

/** How often something happens in the fleet. */
const CHANGE_MS = 900;
/** How long a provider stays away. */
const AWAY_MS = 4_000;
/** How much weights move by. */
const WEIGHTS = ['20', '50', '80', '100', '120', '150', '200'];

let demos = 0;

/**
 * Starts a small fleet in memory, in which providers come and go and weights change; resolves once all of it is registered.
 *
 * @param random - Draws what happens next.
 */
export async function startDemo(random: () => number = Math.random): Promise<Demo> {
  const address = `memory://rx-registry-demo-${(demos += 1)}`;
  const registry = createRegistry(address);
  const config = createConfigCenter(registry);
  const running = new Subscription();
  const wanted = demoProviders().map((url) => new BehaviorSubject<ServiceUrl | undefined>(url));
  const stands = [...wanted, ...demoConsumers()].map((urls) => {
    const states = new BehaviorSubject('pending');
    running.add(
      registry
        .register(urls)
        .pipe(map(({ status }) => status))
        .subscribe(states),
    );
    return states.pipe(filter((status) => status === 'registered'));
  });
  await firstValueFrom(combineLatest(stands));
  await config.publish(governanceKey('configurators', { interface: 'com.acme.UserService', version: '1.0.0' }), RULE);
  await config.publish('user-service.properties', 'cache.size=1000\ncache.ttl=60s\n');

  const drawn = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const happens = interval(CHANGE_MS).pipe(
    mergeMap(() => {
      const provider = drawn(wanted);
      const url = provider.value;
      // It is away already.
      if (!url) return EMPTY;
      const isMove = random() < 0.7;
      provider.next(isMove ? url.with({ parameters: { weight: drawn(WEIGHTS) } }) : undefined);
      return isMove ? EMPTY : timer(AWAY_MS).pipe(map(() => provider.next(startedNow(url))));
    }),
  );
  running.add(happens.subscribe());
  return {
    address,
    stop: async () => {
      running.unsubscribe();
      await config.close();
      await registry.close();
    },
  };
}

function startedNow(url: ServiceUrl): ServiceUrl {
  return url.with({ parameters: { timestamp: String(Date.now()) } });
}

const RULE = `configVersion: v3.0
scope: service
key: com.acme.UserService:1.0.0
enabled: true
configs:
  - side: consumer
    addresses: [10.1.0.11]
    parameters:
      weight: 20
`;
