import { describeConfigContract } from '../../contract/configContract.js';
import { zookeeperWorld } from '../../contract/zookeeperWorld.js';

describeConfigContract('a ZooKeeper server', zookeeperWorld, {
  tellsEveryVersion: false,
  bytes: { taken: 999_000, refused: 1_000_001, limit: '1000000' },
});
