// A provider loses its session, and its consumer is told: gone, and back. Nobody did anything about it.
import { filter, firstValueFrom, map } from 'rxjs';
import { createRegistry, type ConnectionState } from 'rx-registry';
import { memory, MemoryServer } from 'rx-registry/memory';

const connectedSession = (states: typeof provider.states): Promise<string> =>
  firstValueFrom(
    states.pipe(
      filter((state: ConnectionState) => state.status === 'connected'),
      map(({ session }) => session.id),
    ),
  );

console.log('This one plays on a server of its own in this process, whatever address it is given.');
const server = new MemoryServer();
await using provider = createRegistry(memory({ server }));
await using consumer = createRegistry(memory({ server }));

const query = { interface: 'com.acme.UserService' };
consumer.subscribe(query).subscribe(({ type, service }) => console.log(`consumer: ${type} ${service.address}`));
provider.states.subscribe((state) => console.log(`provider: ${state.status}`));

await using provision = await provider.provide('dubbo://10.0.0.5:20880/com.acme.UserService');
console.log(`provider: registered ${provision.url.address}`);

console.log('--- the server ends the session');
const back = firstValueFrom(consumer.subscribe(query).pipe(filter(({ type }, index) => index > 0 && type === 'add')));
server.expire(await connectedSession(provider.states));
await back;
console.log('--- and all is well again');
