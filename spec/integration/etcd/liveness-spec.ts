import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeLiveness } from '../shared/liveness.js';

describeLiveness('etcd', startEtcdRegistry);
