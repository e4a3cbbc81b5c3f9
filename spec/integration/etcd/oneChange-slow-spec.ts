import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeOneChange } from '../shared/oneChange.js';

describeOneChange('etcd', startEtcdRegistry);
