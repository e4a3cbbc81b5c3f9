import { type FaultProxy, startFaultProxy } from '../support/proxy/faultProxy.js';
import type { StartRegistryServer } from '../support/scenario/registryServer.js';
import type { World } from './world.js';

/** A real registry server whose clients stand behind a fault proxy each. */
export async function registryWorld(start: StartRegistryServer, shortTimeoutMs: number): Promise<World> {
  const server = await start();
  const proxies: FaultProxy[] = [];
  return {
    shortTimeoutMs,
    longTimeoutMs: 10_000,
    client: async (sessionTimeoutMs) => {
      const proxy = await startFaultProxy({ port: server.port });
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
      await server.close();
    },
  };
}
