import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { VirtualTime } from '../support/virtual/index.js';
import { BACKOFF } from './window.js';

/** What became of clients whose server was away, in virtual time. */
export interface VirtualHerd {
  /** When each client tried to connect, since the outage began. */
  readonly attempts: readonly (readonly number[])[];
  /** When the server was back. */
  readonly backAt: number;
  /** When all were in session again. */
  readonly allBackAt: number;
}

/** Has so many clients lose their server together, and waits until all are back. */
export function herdInMemory(clients: number, outageMs: number, random: () => number): VirtualHerd {
  const time = new VirtualTime();
  const server = new MemoryServer({ scheduler: time.scheduler });
  const backends = Array.from({ length: clients }, () =>
    memory({ server, sessionTimeoutMs: 30_000, reconnect: { ...BACKOFF, random } }),
  );
  const statuses = backends.map(() => '');
  const attempts = backends.map((): number[] => []);
  const indexes = new Map<object, number>();
  const open = server.open.bind(server);
  let began = Infinity;
  server.open = (client, ...rest) => {
    // A client is known by the order in which all connect for the first time.
    if (!indexes.has(client)) indexes.set(client, indexes.size);
    if (time.now >= began) attempts[indexes.get(client)!]!.push(time.now - began);
    return open(client, ...rest);
  };
  backends.forEach((backend, index) => backend.states.subscribe(({ status }) => (statuses[index] = status)));
  time.pass(10_000);
  if (statuses.some((status) => status !== 'connected')) throw new Error('not all were connected to begin with');
  began = time.now;
  server.stop();
  time.pass(outageMs);
  server.start();
  const backAt = time.now - began;
  while (statuses.some((status) => status !== 'connected')) time.pass(10);
  return { attempts, backAt, allBackAt: time.now - began };
}
