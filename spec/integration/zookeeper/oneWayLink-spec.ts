import nodeZooKeeper from 'node-zookeeper-client';
import { map } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { openClient, type ZkClient } from '../../../lib/backends/zookeeper/client.js';
import { ZooKeeperSession } from '../../../lib/backends/zookeeper/zookeeperSession.js';
import { connect } from '../../../lib/connection/index.js';
import { ask, Probe } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { sessionsOf } from '../../support/scenario/zookeeperRegistry.js';
import { eventually } from '../../support/servers/eventually.js';
import { connectRawZooKeeper, type RawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

const { ACL, Id } = nodeZooKeeper;
const OPEN = [new ACL(31, new Id('world', 'anyone'))];

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

describe('a client that only receives', () => {
  it('keeps its session', async () => {
    const clients: ZkClient[] = [];
    // As the backend does it, with the bare client in hand: what is watched through it is not read again.
    const probe = troupe.add(
      new Probe(
        connect(
          () =>
            openClient({ host: '127.0.0.1', port: server.port, sessionTimeoutMs: 3_000, auth: [], acl: OPEN }).pipe(
              map((client) => {
                clients.push(client);
                return {
                  session: new ZooKeeperSession(client, ''),
                  ping: () => client.exists('/'),
                  end: () => client.end(),
                };
              }),
            ),
          { name: 'receiving', sessionTimeoutMs: 3_000 },
        ),
      ),
    );
    const session = await probe.session();
    expect(session.timeoutMs).toBe(3_000);
    const paths = Array.from({ length: 40 }, (_, index) => `/receiving/${index}`);
    let events = 0;
    await Promise.all(paths.map((path) => ask(clients[0]!.exists(path, () => (events += 1)))));
    for (const [index, path] of paths.entries()) {
      await raw.create(path, { parents: true });
      await eventually(() => events === index + 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(await sessionsOf(server)).toContain(session.id);
  });
});
