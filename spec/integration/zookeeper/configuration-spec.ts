import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeConfiguration } from '../shared/configuration.js';

describeConfiguration('ZooKeeper', startZooKeeperRegistry);
