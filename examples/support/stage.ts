import { filter, firstValueFrom } from 'rxjs';
import { createRegistry, type Registry } from 'rx-registry';
import { memory, MemoryServer } from 'rx-registry/memory';
import { startRelay } from './relay.js';

/** A registry to play on: clients of it, and a way to take one client's session away. */
export interface Stage extends AsyncDisposable {
  readonly name: string;
  client(): Registry;
  /** A client whose session can be taken away: `loseSession` does, and gives way once `gone` resolves. */
  doomedClient(): Promise<{ registry: Registry; loseSession: (gone: Promise<unknown>) => Promise<void> }>;
}

/** The stage at an address: a server of its own for `memory://`, a real one otherwise. */
export function stageAt(address: string): Stage {
  return address.startsWith('memory://') ? embeddedStage() : remoteStage(address);
}

function embeddedStage(): Stage {
  const server = new MemoryServer();
  const client = (): Registry => createRegistry(memory({ server, sessionTimeoutMs: 4_000 }));
  return {
    name: 'the registry embedded in this process (memory://)',
    client,
    doomedClient: () => {
      const registry = client();
      const loseSession = async (gone: Promise<unknown>): Promise<void> => {
        const state = await firstValueFrom(registry.states.pipe(filter(({ status }) => status === 'connected')));
        if (state.status === 'connected') server.expire(state.session.id);
        await gone;
      };
      return Promise.resolve({ registry, loseSession });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** On a real server a session is lost as in real life: its client is cut off for longer than the session lasts. */
function remoteStage(address: string): Stage {
  const withTimeout = (to: string): string =>
    /[?&]session=/.test(to) ? to : `${to}${to.includes('?') ? '&' : '?'}session=4000`;
  const relays: AsyncDisposable[] = [];
  return {
    name: address.replace(/\/\/[^@/]*@/, '//***@'),
    client: () => createRegistry(withTimeout(address)),
    doomedClient: async () => {
      const parts = /^(\w+:\/\/(?:[^@/]*@)?)([^,/?]+)[^/?]*(.*)$/.exec(address);
      if (!parts) throw new Error(`Expected an address such as zookeeper://127.0.0.1:2181, got ${address}`);
      const [, scheme = '', host = '', parameters = ''] = parts;
      // One server only: a client that is cut off from one would keep its session through another.
      const rest = parameters.replace(/([?&])backup=[^&]*&?/, '$1');
      const relay = await startRelay(host, scheme.startsWith('etcd') ? 2379 : 2181);
      relays.push(relay);
      const loseSession = async (gone: Promise<unknown>): Promise<void> => {
        relay.cut();
        await gone;
        relay.heal();
      };
      return { registry: createRegistry(withTimeout(`${scheme}${relay.address}${rest}`)), loseSession };
    },
    [Symbol.asyncDispose]: async () => {
      for (const relay of relays) await relay[Symbol.asyncDispose]();
    },
  };
}
