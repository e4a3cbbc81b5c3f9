import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { describeContract } from '../../contract/contract.js';
import { registryWorld } from '../../contract/registryWorld.js';
import type { BackendOptions, RegistryServer } from '../../support/scenario/registryServer.js';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';

/** As on a server before 3.6, which cannot tell by name what happens in a directory. */
const start = async (): Promise<RegistryServer> =>
  Object.assign(await startZooKeeperRegistry({ tickTimeMs: 500 }), {
    backend: (servers: string, options?: BackendOptions) =>
      zookeeper(servers, { ...options, persistentWatches: false }),
  });

describeContract('ZooKeeper without persistent watches', () => registryWorld(start, 1_000));
