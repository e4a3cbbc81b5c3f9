// A provider with probes for Kubernetes: the registry goes away and no pod becomes unready; the pod's own check fails, and it
// leaves the registry until the check passes again.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BehaviorSubject, distinctUntilChanged, filter, firstValueFrom, map, scan } from 'rxjs';
import { createRegistry } from 'rx-registry';
import { memory, MemoryServer } from 'rx-registry/memory';

console.log('This one plays on a server of its own in this process, whatever address it is given.');
const cluster = new MemoryServer();
await using registry = createRegistry(memory({ server: cluster, sessionTimeoutMs: 60_000 }));

// What this process finds out about itself, such as whether its database answers.
const isWell = new BehaviorSubject(true);
const url = 'dubbo://10.0.0.5:20880/com.acme.UserService';
const registration = registry
  .register(
    isWell.pipe(
      distinctUntilChanged(),
      map((well) => (well ? url : undefined)),
    ),
  )
  .subscribe(({ status }) => console.log(`registration: ${status}`));
registry.instances({ interface: 'com.acme.StockService' }).subscribe();

// Started once everything stands and is known. What happens to the registry later makes no process unready that serves.
let isStarted = false;
registry.health
  .pipe(
    map(({ registrations, views }) => registrations.standing === registrations.wanted && views.unknown === 0),
    scan((started, complete) => started || complete, false),
  )
  .subscribe((started) => (isStarted = started));

const server = createServer((request, response) => {
  // Alive is who answers: to restart a process helps no registry.
  const isGood = request.url === '/livez' || (request.url === '/readyz' && isStarted && isWell.value);
  response.writeHead(isGood ? 200 : 503).end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const probe = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
const show = async (when: string): Promise<void> =>
  console.log(`${when}: livez ${await probe('/livez')}, readyz ${await probe('/readyz')}`);
const untilHealth = (isConnected: boolean): Promise<unknown> =>
  firstValueFrom(registry.health.pipe(filter((health) => health.isConnected === isConnected)));
const untilStanding = (standing: number): Promise<unknown> =>
  firstValueFrom(
    registry.health.pipe(filter(({ registrations, views }) => registrations.standing === standing && !views.unknown)),
  );

await untilStanding(1);
await show('started');
cluster.cut();
await untilHealth(false);
await show('the registry is away');
cluster.heal();
await untilHealth(true);
isWell.next(false);
await untilStanding(0);
await show('the check fails');
isWell.next(true);
await untilStanding(1);
await show('the check passes');

registration.unsubscribe();
server.close();
server.closeAllConnections();
