import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { bytes, text } from './probe.js';
import type { World } from './world.js';

/** A memory server in real time. */
export async function memoryWorld(): Promise<World> {
  const server = new MemoryServer();
  const reconnect = { baseMs: 10, maxMs: 50 };
  return {
    shortTimeoutMs: 1_000,
    longTimeoutMs: 10_000,
    client: async (sessionTimeoutMs) => ({
      backend: memory({ server, sessionTimeoutMs, reconnect }),
      cut: (session) => server.cut(session?.id),
      blackHole: (session) => server.blackHole(session?.id),
      heal: () => server.heal(),
    }),
    expire: async (session) => server.expire(session.id),
    knows: async (session) => server.sessions.includes(session.id),
    watches: async () => server.watches,
    create: async (path, data = '') => server.create(path, bytes(data)),
    write: async (path, data) => server.write(path, bytes(data)),
    remove: async (path) => server.remove(path),
    removeTree: async (path) => server.remove(path),
    read: async (path) => {
      const node = server.read(path);
      return node && { data: text(node.data)!, owner: node.owner };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
