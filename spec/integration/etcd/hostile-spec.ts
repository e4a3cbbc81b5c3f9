import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeHostile } from '../shared/hostile.js';

describeHostile('etcd', startEtcdRegistry);
