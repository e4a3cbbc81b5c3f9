import { expect, it, onTestFinished } from 'vitest';
import { startEtcd } from '../../support/servers/etcdServer.js';
import { lookUpEveryRegistration } from '../shared/fresh.js';

it('a fresh lookup sees what was acknowledged to another client before it', async () => {
  const server = await startEtcd();
  onTestFinished(() => server.close());
  const address = `etcd://${server.address}`;
  await expect(lookUpEveryRegistration(address, address)).resolves.toBeUndefined();
});
