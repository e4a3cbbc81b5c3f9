import type { BenchClient } from './benchClient.js';

export type { BenchClient, Credentials } from './benchClient.js';

const CLIENTS = {
  'rx-registry on zookeeper': async () => new (await import('./ours.js')).OurClient('zookeeper'),
  'rx-registry on etcd': async () => new (await import('./ours.js')).OurClient('etcd'),
  'node-zookeeper-client': async () => new (await import('./rawZooKeeper.js')).RawZooKeeperClient(),
  "etcd3's watcher": async () => new (await import('./rawEtcd.js')).RawEtcdWatcherClient(),
  'apache-dubbo-registry': async () => new (await import('./peers.js')).DubboRegistryClient(),
  'apache-dubbo-js': async () => new (await import('./peers.js')).DubboJsClient(),
  etcd3: async () => new (await import('./rawEtcd.js')).RawEtcdClient(),
} satisfies Record<string, () => Promise<BenchClient>>;

/** Those that can be measured, by what to tell them apart with. */
export type ClientName = keyof typeof CLIENTS;

/** Makes a client; what it needs is loaded now, and nothing that another one needs. */
export function clientNamed(name: ClientName): Promise<BenchClient> {
  return CLIENTS[name]();
}

/** The raw client of a server, and ours. */
export const RAW = { zookeeper: 'node-zookeeper-client', etcd: 'etcd3' } as const;
export const OURS = { zookeeper: 'rx-registry on zookeeper', etcd: 'rx-registry on etcd' } as const;
