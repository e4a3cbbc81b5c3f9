import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeConfiguration } from '../shared/configuration.js';

describeConfiguration('etcd', startEtcdRegistry);
