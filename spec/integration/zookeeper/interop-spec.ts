import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeInterop } from '../shared/interop.js';

describeInterop('ZooKeeper', startZooKeeperRegistry);
