import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeOverrides } from '../shared/overrides.js';

describeOverrides('etcd', startEtcdRegistry);
