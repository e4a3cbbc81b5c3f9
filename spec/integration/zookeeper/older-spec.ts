import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { foldDirectory, type Probe, Recorder, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { settled } from '../../support/scenario/settled.js';
import { startZooKeeperRegistry, type ZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { eventually } from '../../support/servers/eventually.js';
import { zookeeperDistribution } from '../../support/servers/zookeeperDistribution.js';
import { type OlderZooKeeper, startOlderZooKeeper, type WhenAsked } from '../../support/servers/olderZooKeeper.js';

/** Whether the server behind the relay can be more than an old one. */
const HAS_WATCHES = !zookeeperDistribution().version.startsWith('3.5.');

describe('a server that has no persistent watches', () => {
  let server: ZooKeeperRegistry;
  let older: OlderZooKeeper;
  const troupe = new Troupe(zookeeper);
  let directories = 0;
  beforeAll(async () => void (server = await startZooKeeperRegistry({ tickTimeMs: 500 })));
  afterEach(async () => {
    await troupe.clear();
    await older[Symbol.asyncDispose]();
  });
  afterAll(() => server.close());

  async function join(whenAsked: WhenAsked, sessionTimeoutMs: number): Promise<Probe> {
    older = await startOlderZooKeeper(server.port, whenAsked);
    const probe = troupe.follow(older.address, { sessionTimeoutMs });
    await probe.session();
    return probe;
  }

  /** Whether changes in a directory are told. */
  async function expectTold(probe: Probe): Promise<void> {
    const path = `/older-${(directories += 1)}`;
    await server.create(`${path}/a`);
    using seen = new Recorder((await probe.session()).watchDirectory(path));
    await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['a']));
    await server.create(`${path}/b`);
    await server.remove(`${path}/a`);
    await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['b']));
    expect(seen.error).toBeUndefined();
  }

  async function reconnect(probe: Probe): Promise<void> {
    const from = probe.trace.length;
    older.dropConnections();
    await probe.reaches('connected', from);
  }

  it('is asked once, before anybody uses the connection: no state tells of it, and every change is told', async () => {
    const before = await settled(() => server.watches());
    const probe = await join('refuses', 10_000);
    for (let round = 0; round < 3; round += 1) await expectTold(probe);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect([older.asked, older.accepted]).toEqual([1, 2]);
    await eventually(async () => expect(await server.watches()).toBe(before));
  });

  it('bounded herd: is not asked again within a session timeout, however often it is connected to', async () => {
    const probe = await join('refuses', 10_000);
    for (let round = 0; round < 5; round += 1) await reconnect(probe);
    await expectTold(probe);
    expect([older.asked, older.accepted]).toEqual([1, 7]);
  });

  it.runIf(HAS_WATCHES)('is asked again after a session timeout, as it may have been upgraded', async () => {
    const probe = await join('refuses', 1_000);
    older.whenAsked = 'obeys';
    await eventually(
      async () => {
        await reconnect(probe);
        expect(older.asked).toBeGreaterThan(1);
      },
      { everyMs: 200, withinMs: SOON_MS },
    );
    await expectTold(probe);
    // Once to find out, and once for the directory; what is known to be there is not asked for at every connection.
    expect(older.asked).toBe(3);
    await reconnect(probe);
    expect(older.asked).toBe(3);
  });

  it.each(['closes', 'ignores'] as const)('and %s what it does not know is used all the same', async (whenAsked) => {
    // Who waits for an answer waits for a quarter of that.
    const probe = await join(whenAsked, 4_000);
    await expectTold(probe);
    expect(probe.statuses).toEqual(['connecting', 'connecting', 'connected']);
    expect(older.asked).toBe(1);
  });

  it.runIf(HAS_WATCHES).each(['at once', 'after other answers'])(
    'and takes the place of one that has them is noticed, asked %s',
    async (when) => {
      const probe = await join('obeys', 4_000);
      await expectTold(probe);
      older.whenAsked = 'refuses';
      const from = probe.trace.length;
      const session = await probe.session();
      // Then its refusal comes before the answer that the client waits for, and cannot be read.
      if (when !== 'at once') session.list('/').subscribe({ error: () => undefined });
      session.watchDirectory('/older-later').subscribe({ error: () => undefined });
      await probe.reaches('suspended', from);
      await probe.reaches('connected', from);
      await expectTold(probe);
      expect(probe.statuses.slice(from)).toEqual(['suspended', 'connected']);
    },
  );
});
