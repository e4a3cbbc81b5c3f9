import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeIsolation } from '../shared/isolation.js';

describeIsolation('etcd', startEtcdRegistry);
