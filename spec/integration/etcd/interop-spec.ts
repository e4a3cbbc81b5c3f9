import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeInterop } from '../shared/interop.js';

describeInterop('etcd', startEtcdRegistry);
