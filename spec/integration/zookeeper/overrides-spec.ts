import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeOverrides } from '../shared/overrides.js';

describeOverrides('ZooKeeper', startZooKeeperRegistry);
