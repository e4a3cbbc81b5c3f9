import { zookeeper } from '../../lib/backends/zookeeper/index.js';
import { ZooKeeperSession } from '../../lib/backends/zookeeper/zookeeperSession.js';
import type { Session } from '../../lib/port/index.js';
import { type FaultProxy, startFaultProxy } from '../support/proxy/faultProxy.js';
import { connectRawZooKeeper } from '../support/servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperServer } from '../support/servers/zookeeperServer.js';
import type { World } from './world.js';

/** A real ZooKeeper server whose clients stand behind a fault proxy each. */
export async function zookeeperWorld(): Promise<World> {
  const server = await startZooKeeper({ tickTimeMs: 500 });
  const operator = await connectRawZooKeeper(server.port);
  const proxies: FaultProxy[] = [];
  return {
    shortTimeoutMs: 1_000,
    longTimeoutMs: 10_000,
    client: async (sessionTimeoutMs) => {
      const proxy = await startFaultProxy({ port: server.port });
      proxies.push(proxy);
      return {
        backend: zookeeper(proxy.address, { sessionTimeoutMs, reconnect: { baseMs: 10, maxMs: 50 } }),
        cut: () => proxy.cut(),
        blackHole: () => proxy.blackHole(),
        heal: () => proxy.heal(),
      };
    },
    expire: (session) => expireAt(server, session),
    knows: async (session) => (await sessionsOf(server)).includes(session.id),
    watches: () => watchesOf(server),
    create: async (path, data = '') => void (await operator.create(path, { data, parents: true })),
    write: async (path, data) => void (await operator.setData(path, data)),
    remove: (path) => operator.remove(path),
    removeTree: (path) => operator.removeRecursive(path),
    read: async (path) => {
      const stat = await operator.stat(path);
      if (!stat) return undefined;
      const owner = stat.ephemeralOwner === '0x0' ? undefined : stat.ephemeralOwner;
      return { data: (await operator.data(path)).toString(), owner };
    },
    [Symbol.asyncDispose]: async () => {
      await operator.close();
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await server.close();
    },
  };
}

/** Ends a session of ours at a server. */
export async function expireAt(server: ZooKeeperServer, session: Session): Promise<void> {
  if (!(session instanceof ZooKeeperSession)) throw new TypeError('Not a session with ZooKeeper');
  await server.expire(session.credentials.id, session.credentials.password);
}

/** The sessions that a server has, connected or not. */
export async function sessionsOf(server: ZooKeeperServer): Promise<readonly string[]> {
  const [sessions = ''] = (await server.command('dump')).split('Connections dump:');
  return sessions.match(/0x[0-9a-f]+/g) ?? [];
}

/** How many watches of every kind a server holds. */
export async function watchesOf(server: ZooKeeperServer): Promise<number> {
  const count = /^zk_watch_count\s+(\d+)/m.exec(await server.command('mntr'))?.[1];
  if (count === undefined) throw new Error('The server does not tell how many watches it holds');
  return Number(count);
}
