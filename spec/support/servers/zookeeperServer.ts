import { freePort } from './freePort.js';
import { startNodes } from './startNodes.js';
import { zookeeperNode, type ZooKeeperOptions, type ZooKeeperServer } from './zookeeperNode.js';

export type { ZooKeeperOptions, ZooKeeperServer } from './zookeeperNode.js';

/** Starts a ZooKeeper server of its own, with an empty tree, on a free port; resolves when it serves. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperServer> {
  const [server] = await startNodes(async () => [await zookeeperNode(await freePort(), options)]);
  return server!;
}
