import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeOlderCopy } from '../shared/olderCopy.js';

describeOlderCopy('ZooKeeper', startZooKeeperRegistry);
