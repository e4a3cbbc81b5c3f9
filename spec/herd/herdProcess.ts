import { subscribe } from 'node:diagnostics_channel';
import { createRegistry } from '../../lib/index.js';

// A process with many clients: told where the registry is and how many, it says from time to time how many of them are in
// session and when they tried to connect, by the clock that all processes have.
const [address, clients] = process.argv.slice(2);
let connected = 0;
let attempts: number[] = [];
subscribe('net.client.socket', () => attempts.push(performance.timeOrigin + performance.now()));
for (let index = 0; index < Number(clients); index++) {
  const registry = createRegistry(address!);
  let isConnected = false;
  registry.states.subscribe(({ status }) => {
    if ((status === 'connected') === isConnected) return;
    isConnected = status === 'connected';
    connected += isConnected ? 1 : -1;
  });
  registry.subscribe({ interface: 'herd.Service' }).subscribe();
}
setInterval(() => {
  process.send?.({ connected, attempts } satisfies Said);
  attempts = [];
}, 50);
process.on('disconnect', () => process.exit());

/** What it says. */
export interface Said {
  readonly connected: number;
  readonly attempts: readonly number[];
}
