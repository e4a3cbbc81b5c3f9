import type { ZooKeeperNode } from './zookeeperNode.js';

const ATTEMPTS = 5;

/** Prepares nodes and starts them together; if somebody has taken one of their ports meanwhile, does it all again. */
export async function startNodes(prepare: () => Promise<ZooKeeperNode[]>): Promise<ZooKeeperNode[]> {
  for (let attempt = 1; ; attempt++) {
    const nodes = await prepare();
    try {
      await Promise.all(nodes.map((node) => node.start()));
      return nodes;
    } catch (error) {
      const portTaken = nodes.some((node) => node.logTail.includes('java.net.BindException'));
      await Promise.all(nodes.map((node) => node.close()));
      if (!portTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
