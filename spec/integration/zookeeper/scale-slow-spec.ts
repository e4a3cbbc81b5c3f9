import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeScale } from '../shared/scale.js';

// It grants twenty ticks at most.
describeScale('ZooKeeper', () => startZooKeeperRegistry({ tickTimeMs: 2_000 }));
