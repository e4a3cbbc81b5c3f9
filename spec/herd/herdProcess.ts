import { createRegistry } from '../../lib/index.js';

// A process with many clients: told where the registry is and how many, it says how many are in session whenever that changes.
const [address, clients] = process.argv.slice(2);
let connected = 0;
let saying = false;
const say = (): void => {
  if (saying) return;
  saying = true;
  setTimeout(() => {
    saying = false;
    process.send?.(connected);
  }, 20);
};
for (let index = 0; index < Number(clients); index++) {
  const registry = createRegistry(address!);
  let isConnected = false;
  registry.states.subscribe(({ status }) => {
    if ((status === 'connected') === isConnected) return;
    isConnected = status === 'connected';
    connected += isConnected ? 1 : -1;
    say();
  });
  registry.subscribe({ interface: 'herd.Service' }).subscribe();
}
process.on('disconnect', () => process.exit());
