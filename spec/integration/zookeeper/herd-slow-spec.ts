import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeHerd } from '../shared/herd.js';

describeHerd('ZooKeeper', startZooKeeperRegistry, 100);
