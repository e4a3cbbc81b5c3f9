// An admin console changes who gets how much, while the traffic runs: rules of Dubbo, followed by the consumer.
import { filter, firstValueFrom, interval, shareReplay, timer, withLatestFrom } from 'rxjs';
import { createConfigCenter, type InstanceSet, type Provision } from 'rx-registry';
import { applyOverrides, governanceKey } from 'rx-registry/config';
import { balance, smoothWeightedRoundRobin } from 'rx-registry/operators';
import { stageAt } from './support/stage.js';

await using stage = stageAt(process.argv[2] ?? 'memory://');
await using providers = stage.client();
await using consumer = stage.client();
await using operator = stage.client();

// A name of its own, so that two of these on one server do not meet.
const service = { interface: `com.acme.overrides${process.pid}.Users`, version: '1.0.0' };
const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
for (const host of hosts) {
  await providers.provide(`dubbo://${host}:20880/${service.interface}?version=${service.version}`);
}

// The consumer: instances, what the rules make of them, and a pick every 2 ms.
await using config = createConfigCenter(consumer);
const instances = consumer.instances(service).pipe(
  applyOverrides(config, {
    application: 'shop',
    overrides: consumer.instances({ ...service, category: 'configurators' }),
    onInvalid: ({ message }) => console.log(`    reported: ${message}`),
  }),
  shareReplay({ bufferSize: 1, refCount: true }),
);
const picks = new Map<string, number>();
const traffic = interval(2)
  .pipe(withLatestFrom(instances.pipe(balance(smoothWeightedRoundRobin()))))
  .subscribe(([, picker]) => {
    const host = picker.pick()?.host ?? 'nobody';
    picks.set(host, (picks.get(host) ?? 0) + 1);
  });

/** Lets something happen, waits until the consumer obeys, and shows the split of the traffic from then on. */
async function step(title: string, act: () => Promise<unknown>, isInForce: (set: InstanceSet) => boolean) {
  console.log(`\n${title}`);
  await act();
  await firstValueFrom(instances.pipe(filter(isInForce)));
  picks.clear();
  await firstValueFrom(timer(800));
  const all = [...picks.values()].reduce((sum, count) => sum + count, 0);
  for (const host of hosts) {
    const share = Math.round((100 * (picks.get(host) ?? 0)) / all);
    console.log(`    ${host} ${`${share}`.padStart(3)} % ${'█'.repeat(Math.round(share / 2))}`);
  }
}

// Somebody else, in a session of their own, as an admin console is.
await using admin = createConfigCenter(operator);
const key = governanceKey('configurators', service);
const publish = (side: string, addresses: string, parameters: string) =>
  admin.publish(
    key,
    `configVersion: v2.7
scope: service
key: ${service.interface}:${service.version}
enabled: true
configs:
- side: ${side}
  addresses: [${addresses}]
  parameters: {${parameters}}
`,
  );
const weightOf = (set: InstanceSet, host: string) => [...set].find((url) => url.host === host)?.parameter('weight');

await step(
  'Three providers, no rules: a third each.',
  async () => {},
  (set) => set.size === 3,
);
await step(
  `weight: 300 for one of them, under ${key}:`,
  () => publish('provider', '"10.0.0.1:20880"', 'weight: 300'),
  (set) => weightOf(set, '10.0.0.1') === '300',
);
await step(
  'disabled: true instead:',
  () => publish('provider', '"10.0.0.1:20880"', 'disabled: true'),
  (set) => set.size === 2,
);
await step(
  'A rule that cannot be read: it is reported, and the last good one stays in force.',
  () => admin.publish(key, 'configs: [oops'),
  (set) => set.size === 2,
);
await step(
  'The rule is removed:',
  () => admin.remove(key),
  (set) => set.size === 3,
);
const rule = `override://10.0.0.3:20880/${service.interface}?version=${service.version}&category=configurators&weight=50`;
let node: Provision | undefined;
await step(
  'A rule as Dubbo 2.6 wrote it, a node in the registry: half the weight for one of them.',
  async () => (node = await operator.provide(rule)),
  (set) => weightOf(set, '10.0.0.3') === '50',
);
await step(
  'That node is taken back:',
  async () => node?.release(),
  (set) => weightOf(set, '10.0.0.3') !== '50',
);

traffic.unsubscribe();
