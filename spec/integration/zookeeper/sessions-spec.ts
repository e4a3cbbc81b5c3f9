import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeSessions } from '../shared/sessions.js';

describeSessions('ZooKeeper', startZooKeeperRegistry);
