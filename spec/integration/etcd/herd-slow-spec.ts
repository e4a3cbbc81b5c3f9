import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeHerd } from '../shared/herd.js';

describeHerd('etcd', startEtcdRegistry, 60);
