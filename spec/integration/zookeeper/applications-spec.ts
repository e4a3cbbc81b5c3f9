import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeApplications } from '../shared/applications.js';

describeApplications('ZooKeeper', startZooKeeperRegistry);
