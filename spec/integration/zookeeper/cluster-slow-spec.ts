import { startZooKeeperRegistries } from '../../support/scenario/registryCluster.js';
import { describeCluster } from '../shared/cluster.js';

describeCluster('ZooKeeper', startZooKeeperRegistries);
