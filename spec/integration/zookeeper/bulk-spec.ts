import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { ask } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { startZooKeeperRegistry, type ZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { describeBulk } from '../shared/bulk.js';

describeBulk('ZooKeeper', startZooKeeperRegistry);

describe('nodes that are made at the same time, where a server keeps the order of what one client asks', () => {
  let server: ZooKeeperRegistry;
  const troupe = new Troupe(zookeeper);
  beforeAll(async () => void (server = await startZooKeeperRegistry()));
  afterEach(() => troupe.clear());
  afterAll(() => server.close());

  it('come before what is asked for after them', async () => {
    const { session } = await troupe.join(server.port);
    const path = '/bulk/ordered';
    await server.create('/bulk');
    const answers = await Promise.all([ask(session.create(path)), ask(session.read(path)), ask(session.remove(path))]);
    expect(answers[1]).toMatchObject({ path });
    expect(answers[2]).toBe(true);
    expect(await server.node(path)).toBeUndefined();
  });
});
