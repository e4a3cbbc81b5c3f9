import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeCalls } from '../shared/calls.js';

describeCalls('etcd', startEtcdRegistry);
