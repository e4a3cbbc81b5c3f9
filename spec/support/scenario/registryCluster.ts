import { startEtcdCluster } from '../servers/etcdCluster.js';
import type { RealServer } from '../servers/realServer.js';
import type { ServerCluster } from '../servers/serverCluster.js';
import { startZooKeeperEnsemble } from '../servers/zookeeperEnsemble.js';
import { EtcdRegistry } from './etcdRegistry.js';
import type { RegistryServer } from './registryServer.js';
import { ZooKeeperRegistry } from './zookeeperRegistry.js';

/** Several servers that are one registry. */
export type RegistryCluster = ServerCluster<RegistryServer>;

/** Starts three ZooKeeper servers as one registry. */
export async function startZooKeeperRegistries(): Promise<RegistryCluster> {
  return asRegistry(await startZooKeeperEnsemble(), (server) => new ZooKeeperRegistry(server));
}

/** Starts three etcd servers as one registry. */
export async function startEtcdRegistries(): Promise<RegistryCluster> {
  return asRegistry(await startEtcdCluster(), (server) => new EtcdRegistry(server));
}

function asRegistry<T extends RealServer>(cluster: ServerCluster<T>, wrap: (server: T) => RegistryServer) {
  const servers = cluster.servers.map(wrap);
  const wrapped = (server: T) => servers[cluster.servers.indexOf(server)]!;
  return {
    ...cluster,
    servers,
    leader: async () => wrapped(await cluster.leader()),
    followers: async () => (await cluster.followers()).map(wrapped),
  };
}
