import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeOlderCopy } from '../shared/olderCopy.js';

describeOlderCopy('etcd', startEtcdRegistry);
