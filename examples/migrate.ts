// Providers and consumers move from one registry to another under constant load: one process at a time, in any order. No call
// fails, and no consumer misses an instance that is up.
//
//   npm run -s example migrate zookeeper://127.0.0.1:2181 etcd://127.0.0.1:2379
import { filter, firstValueFrom, interval, mergeMap, timer, withLatestFrom } from 'rxjs';
import { combineRegistries, createRegistry, drained, type Registry } from 'rx-registry';
import { balance, roundRobin } from 'rx-registry/operators';
import { startHttpProvider } from './support/httpProvider.js';
import { Tally } from './support/tally.js';

const [from = 'memory://old', to = 'memory://new'] = process.argv.slice(2);
// A name of its own, so that two of these on one server do not meet.
const service = `com.acme.migrate${process.pid}.Orders`;

/** Where a process reads and writes. Everybody goes from the first to the second, and once all have, to the third. */
const STAGES = ['old', 'both', 'new'] as const;
const registryOf = (stage: (typeof STAGES)[number]): Registry => {
  if (stage !== 'both') return createRegistry(stage === 'old' ? from : to);
  // The first answer has to have what both know: it waits for the slower one.
  return combineRegistries({ old: createRegistry(from), next: createRegistry(to) }, { settleMs: 20_000 });
};

/** The addresses of those that stand wherever they shall, and are not about to leave. */
const up = new Set<string>();
const tally = new Tally();
let holes = 0;

interface Process {
  readonly name: string;
  readonly stop: () => Promise<void>;
}

async function startProvider(name: string, stage: (typeof STAGES)[number]): Promise<Process> {
  const registry = registryOf(stage);
  const server = await startHttpProvider(name, 20);
  const provisions = await registry.provide(`http://127.0.0.1:${server.port}/${service}`);
  await firstValueFrom(registry.health.pipe(filter((health) => standsEverywhere(health))));
  const { address } = provisions.url;
  up.add(address);
  return {
    name,
    stop: async () => {
      up.delete(address);
      await drained({ provisions, inFlight: server.inFlight, close: server.close, propagationMs: 500 });
      await registry.close();
    },
  };
}

async function startConsumer(name: string, stage: (typeof STAGES)[number]): Promise<Process> {
  const expected = new Set(up);
  const registry = registryOf(stage);
  const sets = registry.instances({ interface: service });
  const watching = sets.subscribe((set) => {
    const told = new Set(set.toArray().map(({ address }) => address));
    const missing = [...up].filter((address) => expected.has(address) && !told.has(address));
    holes += missing.length;
    for (const address of missing) console.error(`${name} does not see ${address}, which is up`);
    for (const address of told) expected.add(address);
  });
  const calling = interval(20)
    .pipe(
      withLatestFrom(sets.pipe(balance(roundRobin()))),
      mergeMap(([, picker]) =>
        tally.count(() => picker.run(async ({ address }) => (await fetch(`http://${address}/`)).text())),
      ),
    )
    .subscribe();
  await firstValueFrom(sets);
  return {
    name,
    stop: async () => {
      calling.unsubscribe();
      watching.unsubscribe();
      await registry.close();
    },
  };
}

type Start = typeof startProvider;
const starts: Start[] = [startProvider, startProvider, startProvider, startConsumer, startConsumer];
const names = ['provider 1', 'provider 2', 'provider 3', 'consumer 1', 'consumer 2'];
const running: Process[] = [];
for (const [index, start] of starts.entries()) running.push(await start(names[index]!, 'old'));

for (const stage of STAGES.slice(1)) {
  const order = starts.map((_, index) => index).sort(() => Math.random() - 0.5);
  for (const index of order) {
    await running[index]!.stop();
    running[index] = await starts[index]!(names[index]!, stage);
    console.log(`${names[index]} is on ${stage}: ${tally.sent} calls, ${tally.failed} failed, ${up.size} providers`);
    await firstValueFrom(timer(300));
  }
}

// Consumers first: who calls somebody that is gone has only itself to blame.
for (const { stop } of running.slice(3)) await stop();
await tally.settled();
for (const { stop } of running.slice(0, 3)) await stop();
console.log(`${tally.text}; ${holes} times an instance was missing that was up`);
process.exitCode = tally.failed > 0 || holes > 0 || tally.sent < 100 ? 1 : 0;

/** Whether everything is registered, in each registry that is written to. */
function standsEverywhere(health: { readonly registrations: { wanted: number; standing: number } }): boolean {
  const { registrations, parts } = health as typeof health & { readonly parts?: Record<string, typeof health> };
  const areStanding = Object.values(parts ?? {}).every((part) => standsEverywhere(part));
  return areStanding && registrations.wanted > 0 && registrations.standing === registrations.wanted;
}
