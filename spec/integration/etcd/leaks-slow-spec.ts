import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeLeaks } from '../shared/leaks.js';

describeLeaks('etcd', startEtcdRegistry);
