import { merge } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whileConnected } from '../../../lib/connection/index.js';
import { ask, Recorder, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import type { BackendOptions, RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { settled } from '../../support/scenario/settled.js';
import { eventually } from '../../support/servers/eventually.js';

/** What clients leave behind when they unsubscribe, close or are cut off: nothing. */
export function describeRelease(kind: string, start: StartRegistryServer): void {
  describe(`release on ${kind}`, () => {
    let server: RegistryServer;
    let troupe: Troupe<BackendOptions>;
    beforeAll(async () => {
      server = await start();
      troupe = new Troupe(server.backend);
    });
    afterEach(async () => {
      server.thaw();
      await troupe.clear();
    });
    afterAll(() => server.close());

    describe('what is left behind', () => {
      it('on the server: no watch of one that unsubscribed, whatever it watched and whatever became of that', async () => {
        const { session } = await troupe.join(server.port);
        await server.create('/released/there');
        const before = await settled(() => server.watches());
        for (let round = 0; round < 20; round += 1) {
          const watches = [
            session.watchNode('/released/there'),
            session.watchNode(`/released/absent-${round}`),
            session.watchNode(`/released/comes-${round}`),
            session.watchDirectory('/released'),
            session.watchDirectory('/released/there'),
            session.watchDirectory(`/released/absent-${round}`),
            session.watchDirectory(`/released/comes-${round}`),
          ].map((watch) => new Recorder<unknown>(watch));
          await eventually(() => watches.every((watch) => watch.values.length > 0));
          await server.create(`/released/comes-${round}`);
          if (round % 2) await eventually(() => expect(watches[2]!.last).toBeDefined());
          for (const watch of watches) watch.stop();
        }
        await eventually(async () => expect(await server.watches()).toBe(before));
      });

      it('on the server: nothing of a client that was closed', async () => {
        const before = await settled(() => server.load());
        const { probe, session } = await troupe.join(server.port);
        await ask(session.create('/closing', { ephemeral: true }));
        using seen = new Recorder(merge(session.watchDirectory('/'), session.watchNode('/closing')));
        await eventually(() => seen.values.length >= 2);
        // A watch is slow only while it lags behind.
        const { 'slow watches': _, ...load } = await server.load();
        for (const [name, count] of Object.entries(load)) expect(count, name).toBeGreaterThan(before[name]!);
        await probe.backend.close();
        expect(await server.sessions()).not.toContain(session.id);
        expect(await server.node('/closing')).toBeUndefined();
        await eventually(async () => expect(await server.load()).toEqual(before));
      });

      it('on the server: one connection and one watch after any number of reconnections', async () => {
        const { proxy, probe, session } = await troupe.join(server.port);
        using seen = new Recorder(
          probe.backend.states.pipe(whileConnected((each) => each.watchDirectory('/reconnecting'))),
        );
        await eventually(() => seen.values.length === 1, { withinMs: SOON_MS });
        const before = await settled(() => server.load());
        expect(proxy.connections).toBe(1);
        for (let round = 1; round <= 30; round += 1) {
          await eventually(() => seen.values.length === round, { withinMs: SOON_MS });
          proxy.dropConnections();
        }
        await eventually(() => seen.values.length === 31, { withinMs: SOON_MS });
        expect(await probe.session()).toBe(session);
        await eventually(async () => expect(await server.load()).toEqual(before));
        await eventually(() => proxy.connections === 1);
      });

      it('in this process: no timer and no socket, from whatever state it was closed', async () => {
        const sockets = await troupe.proxy(server.port);
        const before = resources();
        const probes = Array.from({ length: 5 }, () => troupe.follow(sockets.address, { sessionTimeoutMs: 2_000 }));
        const sessions = await Promise.all(probes.map((probe) => probe.session()));
        const watches = sessions.map((session) => new Recorder(session.watchDirectory('/')));
        await eventually(() => watches.every((watch) => watch.values.length > 0));
        probes.push(troupe.follow('no-such-host.invalid:2181'));
        sockets.cut();
        await Promise.all(probes.slice(0, 5).map((probe) => probe.reaches('suspended')));
        probes.push(troupe.follow(sockets.address, { sessionTimeoutMs: 2_000 }));
        sockets.heal();
        await probes[6]!.session();
        await probes[0]!.session();
        sockets.blackHole();
        probes.push(troupe.follow(sockets.address, { sessionTimeoutMs: 2_000 }));

        for (const [index, probe] of probes.entries()) {
          if (index % 2) probe.leave();
          else await probe.backend.close(200);
        }
        // Still in the hole, so it is we who closed them.
        await eventually(() => sockets.connections === 0);
        sockets.heal();
        await eventually(() => {
          for (const [type, count] of resources())
            expect([type, count <= (before.get(type) ?? 0)]).toEqual([type, true]);
        });
      });
    });
  });
}

/** What keeps this process alive, by kind. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (/^(Timeout|TCPSocketWrap|GetAddrInfoReqWrap|TCPConnectWrap)$/.test(type)) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
  }
  return counts;
}
