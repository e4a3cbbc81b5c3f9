import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { ask, bytes } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { eventually } from '../../support/servers/eventually.js';
import { connectRawZooKeeper, type RawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

let server: ZooKeeperServer;
let raw: RawZooKeeper;
const troupe = new Troupe(zookeeper);
beforeAll(async () => {
  server = await startZooKeeper({ tickTimeMs: 500 });
  raw = await connectRawZooKeeper(server.port);
});
afterEach(() => troupe.clear());
afterAll(async () => {
  await raw.close();
  await server.close();
});

// The server compares nothing but the count of writes, so that cannot be prevented.
it('a node that is made anew between the look and the write, and written as often, is told as CONFLICT', async () => {
  const { proxy, session } = await troupe.join(server.port);
  const told: string[] = [];
  for (let round = 0; round < 20 && !told.includes('mine'); round += 1) {
    const path = `/anew/${round}`;
    await raw.create(path, { data: 'old', parents: true });
    const { version } = (await ask(session.read(path)))!;
    const { toServer } = proxy.bytes();
    proxy.blackHole('toClient');
    const outcome = ask(session.write(path, bytes('mine'), { version })).then(
      () => 'written',
      (error: unknown) => error,
    );
    await eventually(() => proxy.bytes().toServer > toServer, { everyMs: 1 });
    // Its look has been answered by now, or is about to be: then it sees the new one, and nothing is written.
    for (let turn = 0; turn < 3; turn += 1) await raw.stat('/');
    await raw.remove(path);
    await raw.create(path, { data: 'theirs' });
    proxy.heal({ inHole: 'deliver' });
    expect(await outcome).toMatchObject({ code: 'CONFLICT' });
    told.push((await raw.data(path)).toString());
  }
  expect(told).toContain('mine');
});
