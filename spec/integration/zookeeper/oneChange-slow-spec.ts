import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeOneChange } from '../shared/oneChange.js';

describeOneChange('ZooKeeper', () => startZooKeeperRegistry({ tickTimeMs: 2_000 }));
