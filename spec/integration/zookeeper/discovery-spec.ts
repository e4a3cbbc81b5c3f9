import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeDiscovery } from '../shared/discovery.js';

describeDiscovery('ZooKeeper', startZooKeeperRegistry);
