import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry, type RegistryWarning } from '../../../lib/index.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

let etcd: EtcdServer;
let secure: EtcdServer;
let zookeeper: ZooKeeperServer;
beforeAll(async () => {
  [etcd, secure, zookeeper] = await Promise.all([startEtcd(), startEtcd({ tls: 'mutual' }), startZooKeeper()]);
});
afterAll(() => Promise.all([etcd.close(), secure.close(), zookeeper.close()]));

/** What a client is told for as long as it has not connected. */
function contact(address: string) {
  const registry = createRegistry(address);
  onTestFinished(() => registry.close());
  const warnings: RegistryWarning[] = [];
  registry.warnings.subscribe((warning) => warnings.push(warning));
  let cause: Error | undefined;
  registry.states.subscribe((state) => {
    if ('cause' in state) cause = state.cause;
  });
  return { registry, warnings, cause: () => cause };
}

describe('first contact with a server of another kind', () => {
  it.each([
    ['etcd without TLS, and the server has it', () => `etcd://${secure.address}`, /without TLS: .*"tls=true"/],
    ['etcd with TLS, and the server has none', () => `etcd://${etcd.address}?tls=true`, /with TLS: .*leave out "tls"/],
    ['etcd without its authority', () => `etcd://${secure.address}?tls=true`, /as "ca"/],
    ['etcd, and it is ZooKeeper', () => `etcd://${zookeeper.address}`, /Expected an etcd server/],
    ['ZooKeeper, and it has TLS', () => `zookeeper://${secure.address}`, /may expect TLS/],
  ])('expected: %s', async (_, address, words) => {
    const { cause } = contact(address());
    await eventually(() => expect(cause()?.message).toMatch(words));
    expect(cause()).toMatchObject({ code: expect.stringMatching(/^CONNECTION_LOST$/) as string });
    expect(cause()!.message).not.toMatch(/Resolution note|T\d\d:\d\d/);
  });

  it('expected: ZooKeeper, and it is etcd, which says nothing', async () => {
    const { registry, warnings } = contact(`zookeeper://${etcd.address}`);
    const lookup = registry.lookup({ interface: 'com.acme.Users' }, { timeoutMs: 5_000 });
    await expect(lookup).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringMatching(/No handshake with a server of zookeeper at .*check that the address/) as string,
    });
    expect(warnings).toMatchObject([{ code: 'NOT_SERVED', count: 1 }]);
  });
});
