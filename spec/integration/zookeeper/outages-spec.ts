import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeOutages } from '../shared/outages.js';

describeOutages('ZooKeeper', startZooKeeperRegistry);
