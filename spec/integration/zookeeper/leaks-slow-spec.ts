import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeLeaks } from '../shared/leaks.js';

describeLeaks('ZooKeeper', startZooKeeperRegistry);
