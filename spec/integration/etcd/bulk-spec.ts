import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeBulk } from '../shared/bulk.js';

describeBulk('etcd', startEtcdRegistry);
