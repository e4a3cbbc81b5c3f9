import { type FaultProxy, startFaultProxy } from '../support/proxy/faultProxy.js';
import type { StartRegistryServer } from '../support/scenario/registryServer.js';
import type { World } from './world.js';

/** Stands between the clients and the server. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
}

/** A real registry server whose clients stand behind a fault proxy each, and behind a relay that all of them share. */
export async function registryWorld(
  start: StartRegistryServer,
  shortTimeoutMs: number,
  relayTo?: (port: number) => Promise<Relay>,
): Promise<World> {
  const server = await start();
  const relay = await relayTo?.(server.port);
  const proxies: FaultProxy[] = [];
  return {
    shortTimeoutMs,
    longTimeoutMs: 10_000,
    client: async (sessionTimeoutMs) => {
      const proxy = await startFaultProxy({ port: relay?.port ?? server.port });
      proxies.push(proxy);
      return {
        backend: server.backend(proxy.address, { sessionTimeoutMs, reconnect: { baseMs: 10, maxMs: 50 } }),
        cut: () => proxy.cut(),
        blackHole: () => proxy.blackHole(),
        heal: () => proxy.heal(),
      };
    },
    expire: (session) => server.expire(session),
    knows: async (session) => (await server.sessions()).includes(session.id),
    watches: () => server.watches(),
    create: (path, data) => server.create(path, data),
    write: (path, data) => server.write(path, data),
    remove: (path) => server.remove(path),
    removeTree: (path) => server.removeTree(path),
    read: async (path) => {
      const node = await server.node(path);
      return node && { data: node.data.toString(), owner: node.owner };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await relay?.[Symbol.asyncDispose]();
      await server.close();
    },
  };
}
