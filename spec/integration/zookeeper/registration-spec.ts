import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeRegistration } from '../shared/registration.js';

describeRegistration('ZooKeeper', startZooKeeperRegistry);
