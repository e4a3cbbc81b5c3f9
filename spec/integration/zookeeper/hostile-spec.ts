import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeHostile } from '../shared/hostile.js';

describeHostile('ZooKeeper', startZooKeeperRegistry);
