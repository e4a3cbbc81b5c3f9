import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry } from '../../lib/index.js';
import { fakeInstances } from '../../lib/testing/index.js';
import { startEtcd } from '../support/servers/etcdServer.js';
import { startZooKeeperEnsemble } from '../support/servers/zookeeperEnsemble.js';

/** Providers that are registered one after the other, each looked up as soon as its registration is acknowledged. */
const ROUNDS = 30;

async function everyRound(providerAt: string, consumerAt: string): Promise<void> {
  const [provider, consumer] = [createRegistry(providerAt), createRegistry(consumerAt)];
  onTestFinished(() => Promise.all([provider.close(), consumer.close()]).then(() => undefined));
  const query = { interface: 'com.acme.Fresh' };
  consumer.instances(query).subscribe();
  for (const [round, instance] of fakeInstances(ROUNDS, { interface: query.interface }).entries()) {
    await provider.provide(instance);
    expect((await consumer.lookup(query, { fresh: true })).size).toBe(round + 1);
  }
}

describe('a fresh lookup sees what was acknowledged to another client before it', () => {
  it('on another server of a ZooKeeper ensemble', async () => {
    const ensemble = await startZooKeeperEnsemble();
    onTestFinished(() => ensemble.close());
    const [one, other] = ensemble.servers;
    await everyRound(`zookeeper://${one!.address}`, `zookeeper://${other!.address}`);
  });

  it('on etcd', async () => {
    const server = await startEtcd();
    onTestFinished(() => server.close());
    await everyRound(`etcd://${server.address}`, `etcd://${server.address}`);
  });
});
