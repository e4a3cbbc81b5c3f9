import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeScale } from '../shared/scale.js';

describeScale('etcd', startEtcdRegistry);
