import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeSessions } from '../shared/sessions.js';

describeSessions('etcd', startEtcdRegistry);
