import { describeContract } from '../../contract/contract.js';
import { etcdWorld } from '../../contract/etcdWorld.js';

describeContract('etcd', etcdWorld);
