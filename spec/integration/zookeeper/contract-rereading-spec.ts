import { describeContract } from '../../contract/contract.js';
import { registryWorld } from '../../contract/registryWorld.js';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { startOlderZooKeeper } from '../../support/servers/olderZooKeeper.js';

// Such a server cannot tell by name what happens in a directory, and closes the connection that asks it to.
describeContract('ZooKeeper before 3.6', () =>
  registryWorld(() => startZooKeeperRegistry({ tickTimeMs: 500 }), 1_000, startOlderZooKeeper),
);
