import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeCalls } from '../shared/calls.js';

describeCalls('ZooKeeper', startZooKeeperRegistry);
