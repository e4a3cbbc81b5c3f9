import { describeConfigContract } from '../../contract/configContract.js';
import { etcdWorld } from '../../contract/etcdWorld.js';

describeConfigContract('an etcd server', etcdWorld, {
  tellsEveryVersion: true,
  bytes: { taken: 1_570_000, refused: 1_573_000, limit: '1572864' },
});
