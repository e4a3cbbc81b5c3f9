import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeRelease } from '../shared/release.js';

describeRelease('ZooKeeper', startZooKeeperRegistry);
