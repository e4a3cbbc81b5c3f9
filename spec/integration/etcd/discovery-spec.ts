import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeDiscovery } from '../shared/discovery.js';

describeDiscovery('etcd', startEtcdRegistry);
