import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeIsolation } from '../shared/isolation.js';

describeIsolation('ZooKeeper', startZooKeeperRegistry);
