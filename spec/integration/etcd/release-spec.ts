import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { describeRelease } from '../shared/release.js';

describeRelease('etcd', startEtcdRegistry);
