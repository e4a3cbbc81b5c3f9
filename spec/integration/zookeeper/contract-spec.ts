import { describeContract } from '../../contract/contract.js';
import { zookeeperWorld } from '../../contract/zookeeperWorld.js';

describeContract('ZooKeeper', zookeeperWorld);
