import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeLiveness } from '../shared/liveness.js';

describeLiveness('ZooKeeper', startZooKeeperRegistry);
