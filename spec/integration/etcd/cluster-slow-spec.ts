import { startEtcdRegistries } from '../../support/scenario/registryCluster.js';
import { describeCluster } from '../shared/cluster.js';

describeCluster('etcd', startEtcdRegistries);
