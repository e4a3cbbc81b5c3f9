import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeRegistration } from '../shared/registration.js';

describeRegistration('etcd', startEtcdRegistry);
