import { createRegistry, type Registry, type RegistryOptions } from 'rx-registry';
import { memory, MemoryServer } from 'rx-registry/memory';
import { startRelay } from './relay.js';

/** A registry that can be away for those who consume, while those who provide reach it. */
export interface Outage extends AsyncDisposable {
  readonly name: string;
  provider(): Registry;
  consumer(options?: RegistryOptions): Registry;
  cut(): void;
  heal(): void;
}

/** The registry at an address: a server of its own for `memory://`, a real one behind a relay otherwise. */
export async function outageAt(address: string): Promise<Outage> {
  if (address.startsWith('memory://')) return embedded();
  const parts = /^(\w+:\/\/(?:[^@/]*@)?)([^,/?]+)[^/?]*(.*)$/.exec(address);
  if (!parts) throw new Error(`Expected an address such as zookeeper://127.0.0.1:2181, got ${address}`);
  const [, scheme = '', host = '', rest = ''] = parts;
  const relay = await startRelay(host, scheme.startsWith('etcd') ? 2379 : 2181);
  return {
    name: address.replace(/\/\/[^@/]*@/, '//***@'),
    provider: () => createRegistry(address),
    // One server only: a client that is cut off from one would reach another.
    consumer: (options) =>
      createRegistry(`${scheme}${relay.address}${rest.replace(/([?&])backup=[^&]*&?/, '$1')}`, options),
    cut: () => relay.cut(),
    heal: () => relay.heal(),
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}

function embedded(): Outage {
  const server = new MemoryServer();
  let isAway = false;
  const consumers = new Set<ReturnType<typeof memory>>();
  return {
    name: 'the registry embedded in this process (memory://)',
    provider: () => createRegistry(memory({ server })),
    consumer: (options) => {
      const backend = memory({ server });
      consumers.add(backend);
      if (isAway) server.cut(backend);
      return createRegistry(backend, options);
    },
    cut: () => {
      isAway = true;
      for (const backend of consumers) server.cut(backend);
    },
    heal: () => {
      isAway = false;
      for (const backend of consumers) server.heal(backend);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
