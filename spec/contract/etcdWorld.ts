import { startEtcdRegistry } from '../support/scenario/etcdRegistry.js';
import { registryWorld } from './registryWorld.js';
import type { World } from './world.js';

/** A real etcd server, which grants whole seconds: one second would leave a quarter of one for each answer. */
export function etcdWorld(): Promise<World> {
  return registryWorld(startEtcdRegistry, 2_000);
}
