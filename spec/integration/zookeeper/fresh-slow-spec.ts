import { expect, it, onTestFinished } from 'vitest';
import { startZooKeeperEnsemble } from '../../support/servers/zookeeperEnsemble.js';
import { lookUpEveryRegistration } from '../shared/fresh.js';

it('a fresh lookup sees what was acknowledged to a client of another server before it', async () => {
  const ensemble = await startZooKeeperEnsemble();
  onTestFinished(() => ensemble.close());
  const [one, other] = ensemble.servers.map(({ address }) => `zookeeper://${address}`);
  await expect(lookUpEveryRegistration(one!, other!)).resolves.toBeUndefined();
});
