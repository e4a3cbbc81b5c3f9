// Announces a service for three seconds, and takes it back.
import { createRegistry } from 'rx-registry';

const address = process.argv[2] ?? 'memory://';
await using registry = createRegistry(address);

const registration = registry
  .register('dubbo://127.0.0.1:20880/com.acme.UserService?version=1.0.0&methods=get,list')
  .subscribe((state) => {
    if (state.status === 'registered') console.log(`registered at ${state.path}`);
    else console.log(state.status + (state.cause ? `: ${state.cause.message}` : ''));
  });

await new Promise((resolve) => setTimeout(resolve, 3_000));

registration.unsubscribe(); // takes it back; `await using` waits for the acknowledgement, then ends the session
console.log('taken back');
