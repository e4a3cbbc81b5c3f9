import { Subscription } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { whileConnected } from '../../../lib/index.js';
import { ask } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { settled } from '../../support/scenario/settled.js';
import { Stage } from '../../support/scenario/stage.js';
import { startZooKeeperRegistry, type ZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { eventually } from '../../support/servers/eventually.js';

/** More than go to the server at once. */
const MANY = 600;

describe('watches that are set and removed, bounded load, no leak', () => {
  let server: ZooKeeperRegistry;
  let stage: Stage;
  const troupe = new Troupe(zookeeper);
  beforeAll(async () => {
    server = await startZooKeeperRegistry();
    stage = new Stage(server);
  });
  afterEach(async () => {
    await stage.clear();
    await troupe.clear();
  });
  afterAll(() => server.close());

  it(`are gone after ${MANY} queries were subscribed to and left within one tick`, async () => {
    const { registry } = await stage.connect();
    const before = await settled(() => server.watches());
    const subscriptions = Array.from({ length: MANY }, (_, index) =>
      registry.subscribe({ interface: `watches.Tick${index}` }).subscribe(),
    );
    for (const subscription of subscriptions) subscription.unsubscribe();
    // What is asked for later is answered later: all that was sent has been carried out.
    await registry.lookup({ interface: 'watches.Last' });
    await eventually(async () => expect(await server.watches()).toBe(before));
  });

  it(`are gone after ${MANY} queries were left while their first answers are on the way`, async () => {
    const actor = await stage.connect();
    const before = await settled(() => server.watches());
    actor.proxy.delay(100);
    const subscriptions = Array.from({ length: MANY }, (_, index) =>
      actor.registry.subscribe({ interface: `watches.Way${index}` }).subscribe(),
    );
    await eventually(async () => expect(await server.watches()).toBeGreaterThan(before + 100), { everyMs: 5 });
    for (const subscription of subscriptions) subscription.unsubscribe();
    actor.proxy.delay(0);
    await eventually(async () => expect(await server.watches()).toBe(before));
  });

  it(`are gone after ${MANY} nodes, absent and there, were watched and left within one tick or later`, async () => {
    const actor = await stage.connect();
    const session = await actor.connected();
    const nodes = await Promise.all(
      Array.from({ length: MANY }, (_, index) => ask(session.create(`/watches-nodes/${index}`, { ephemeral: true }))),
    );
    const before = await settled(() => server.watches());
    for (const wait of [false, true]) {
      const all = new Subscription();
      for (const node of nodes) {
        all.add(session.watchNode(node.path).subscribe());
        all.add(session.watchNode(node.path, node).subscribe());
        all.add(session.watchNode(`${node.path}-absent`).subscribe());
      }
      if (wait) await eventually(async () => expect(await server.watches()).toBe(before + 2 * MANY));
      // Some of them are sent, some wait for their turn.
      else await Promise.resolve();
      all.unsubscribe();
      await eventually(async () => expect(await server.watches()).toBe(before));
    }
  });

  it('of a query for everything over 500 services go with few requests, and leave those of the registrations', async () => {
    const provider = await stage.connect();
    const registrations = Array.from({ length: 500 }, (_, index) =>
      provider.register(`dubbo://a:1/watches.Service${index}`),
    );
    await Promise.all(registrations.map((each) => each.registered()));
    const consumer = await stage.connect();
    const before = await settled(() => server.watches());
    const view = consumer.consume({ interface: '*' });
    await eventually(() => expect(view.services).toHaveLength(500));
    const packets = await server.packetsReceived();
    view.unsubscribe();
    await eventually(async () => expect(await server.watches()).toBe(before));
    // At most one for each directory, and one for the watch above them; pings and questions of this spec come on top.
    expect((await server.packetsReceived()) - packets).toBeLessThan(600);
  });

  it('no missed removal: of a query for everything go over to the single ones that it covered, without a gap', async () => {
    const provider = await stage.connect();
    const registrations = Array.from({ length: 300 }, (_, index) =>
      provider.register(`dubbo://a:1/watches.Single${index}`),
    );
    await Promise.all(registrations.map((each) => each.registered()));
    const consumer = await stage.connect();
    const before = await settled(() => server.watches());
    const all = consumer.consume({ interface: '*' });
    await eventually(() => expect(all.services).toHaveLength(300));
    const singles = registrations.map((_, index) => consumer.consume({ interface: `watches.Single${index}` }));
    await eventually(() => expect(singles.every(({ services }) => services.length === 1)).toBe(true));
    // The registrations go while the watches are handed over.
    all.unsubscribe();
    for (const registration of registrations) registration.unsubscribe();
    await eventually(() => expect(singles.every(({ services }) => services.length === 0)).toBe(true));
    for (const single of singles) single.unsubscribe();
    // Those of the registrations have gone with them.
    await eventually(async () => expect(await server.watches()).toBe(before - 300));
  });

  it('are set anew, in order, where one is left and wanted again at once', async () => {
    const { registry } = await stage.connect();
    const before = await settled(() => server.watches());
    let told = 0;
    let watch = Subscription.EMPTY;
    for (let round = 0; round < MANY; round += 1) {
      watch.unsubscribe();
      watch = registry.states
        .pipe(whileConnected((session) => session.watchDirectory('/watches-again')))
        .subscribe(() => (told += 1));
      if (round % 7 === 0) await Promise.resolve();
      if (round % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => told > 0);
    await server.create('/watches-again/node');
    await eventually(() => expect(told).toBeGreaterThan(1));
    watch.unsubscribe();
    await eventually(async () => expect(await server.watches()).toBe(before));
  });
});
