import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeOutages } from '../shared/outages.js';

describeOutages('etcd', startEtcdRegistry);
