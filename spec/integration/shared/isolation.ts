import { config, map } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whileConnected } from '../../../lib/connection/index.js';
import { ask, Recorder, SOON_MS, text } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import type { BackendOptions, RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { eventually } from '../../support/servers/eventually.js';

/** What harms nobody beside it. */
export function describeIsolation(kind: string, start: StartRegistryServer): void {
  describe(`isolation on ${kind}`, () => {
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

    describe('what is ended halfway', () => {
      it('harms nobody, whenever that is', async () => {
        const proxy = await troupe.proxy(server.port);
        proxy.delay(5);
        for (let waitMs = 0; waitMs < 40; waitMs += 2) {
          const probe = troupe.follow(proxy.address);
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          await probe.backend.close();
          expect(probe.state).toEqual({ status: 'closed' });
        }
        await eventually(() => proxy.connections === 0);
      });
    });

    describe('a subscriber that throws', () => {
      it('harms nobody beside it, neither in its watches nor in its calls nor on its connection', async () => {
        const thrown: unknown[] = [];
        config.onUnhandledError = (error) => thrown.push(error);
        const { proxy, probe, session } = await troupe.join(server.port);
        const bomb = (): never => {
          throw new Error('a subscriber’s own');
        };
        probe.backend.states.subscribe(bomb);
        session.watchNode('/throwing').subscribe({ next: bomb, error: bomb });
        session.watchDirectory('/').subscribe({ next: bomb, error: bomb });
        const names: (string | undefined)[] = [];
        using beside = new Recorder(
          probe.backend.states.pipe(
            whileConnected((each) => each.watchNode('/throwing')),
            map((node) => names.push(text(node?.data))),
          ),
        );
        const calls = Array.from({ length: 20 }, (_, index) => {
          if (index % 2) session.read('/').subscribe(bomb);
          return ask(session.read('/'));
        });
        expect(await Promise.all(calls)).toHaveLength(20);
        await eventually(() => expect(names).toEqual([undefined]));
        await server.create('/throwing', 'x');
        await eventually(() => expect(names).toEqual([undefined, 'x']));
        const lost = session.read('/').pipe(map(bomb));
        lost.subscribe({ error: bomb });
        proxy.dropConnections();
        await probe.reaches('suspended');
        await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
        await eventually(() => expect(names).toEqual([undefined, 'x', 'x']));
        expect(await probe.session()).toBe(session);
        expect(beside.error).toBeUndefined();
        await probe.backend.close();
        await eventually(() => thrown.length >= 13);
        expect(new Set(thrown.map(String))).toEqual(new Set(['Error: a subscriber’s own']));
        config.onUnhandledError = null;
      });
    });
  });
}
