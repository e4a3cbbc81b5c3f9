import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeApplications } from '../shared/applications.js';

describeApplications('etcd', startEtcdRegistry);
