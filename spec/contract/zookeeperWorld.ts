import { startZooKeeperRegistry } from '../support/scenario/zookeeperRegistry.js';
import { registryWorld } from './registryWorld.js';
import type { World } from './world.js';

/** A real ZooKeeper server, which grants two of its ticks and more. */
export function zookeeperWorld(): Promise<World> {
  return registryWorld(() => startZooKeeperRegistry({ tickTimeMs: 500 }), 1_000);
}
