import { freePort } from './freePort.js';
import { connectRawZooKeeper } from './rawZooKeeper.js';
import { clusterOf, type ServerCluster } from './serverCluster.js';
import { startNodes } from './startNodes.js';
import { zookeeperNode, type ZooKeeperOptions, type ZooKeeperServer } from './zookeeperNode.js';

/** Three real ZooKeeper servers that elect a leader among them. */
export type ZooKeeperEnsemble = ServerCluster<ZooKeeperServer>;

/** How long one server may take to answer before it passes for one that does not. */
const QUESTION_MS = 1_000;

/** Starts three servers on free ports; resolves when all of them serve. */
export async function startZooKeeperEnsemble(options: ZooKeeperOptions = {}): Promise<ZooKeeperEnsemble> {
  return clusterOf<ZooKeeperServer>(await startNodes(() => prepareNodes(options)), {
    async roleOf(server) {
      const [, mode] = /Mode: (leader|follower)/.exec(await server.command('srvr', QUESTION_MS)) ?? [];
      return mode as 'leader' | 'follower' | undefined;
    },
    // A majority has to agree on a new session. Reading would not do: a server answers that by itself.
    async needMajority({ port }) {
      const client = await connectRawZooKeeper(port, { withinMs: QUESTION_MS });
      await client.close();
    },
  });
}

async function prepareNodes(options: ZooKeeperOptions) {
  const ids = [1, 2, 3];
  const config: Record<string, string | number> = { initLimit: 20, syncLimit: 5 };
  for (const id of ids) config[`server.${id}`] = `127.0.0.1:${await freePort()}:${await freePort()}`;
  const complete = { ...options, config: { ...config, ...options.config } };
  return Promise.all(ids.map(async (id) => zookeeperNode(await freePort(), complete, id)));
}
