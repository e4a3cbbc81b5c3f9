// Follows a service for five seconds: who is there, who comes, changes and goes.
// In a second terminal, `npm run -s example provide` with the address of the same registry gives it something to see.
import { createRegistry } from 'rx-registry';

const address = process.argv[2] ?? 'memory://';
await using registry = createRegistry(address);

registry.states.subscribe((state) => console.log(`connection: ${state.status}`));
registry.warnings.subscribe((warning) => console.warn(warning.message));

const query = 'consumer://127.0.0.1/com.acme.UserService?version=*';
registry.subscribe(query).subscribe(({ type, service }) => console.log(`${type} ${service.address}`));
registry.instances(query).subscribe((instances) => {
  console.log(`${instances.size} there:`, [...instances].map((service) => service.address).join(', ') || 'nobody');
});

await new Promise((resolve) => setTimeout(resolve, 5_000));
