import type { ServerNode } from './serverNode.js';

const ATTEMPTS = 5;

/** Prepares nodes and starts them together; if somebody has taken one of their ports meanwhile, does it all again. */
export async function startNodes<T extends ServerNode>(prepare: () => Promise<T[]>): Promise<T[]> {
  for (let attempt = 1; ; attempt++) {
    const nodes = await prepare();
    try {
      await Promise.all(nodes.map((node) => node.start()));
      return nodes;
    } catch (error) {
      const portTaken = nodes.some((node) => node.portTaken);
      await Promise.all(nodes.map((node) => node.close()));
      if (!portTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
