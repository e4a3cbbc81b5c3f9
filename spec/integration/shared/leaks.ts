import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { firstValueFrom, Subject } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whileConnected } from '../../../lib/index.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { settled } from '../../support/scenario/settled.js';
import { Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What is left behind: nothing. */
export function describeLeaks(kind: string, start: StartRegistryServer): void {
  describe(`leaks on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(() => stage.clear());
    afterAll(() => server.close());

    describe('bounded load, no leak', () => {
      it('1,000 rounds of subscribing and unsubscribing leave nothing behind', async () => {
        const provider = await stage.connect();
        await provider.register('dubbo://a:1/leaks.Rounds').registered();
        const { registry } = await stage.connect();
        const round = async (index: number): Promise<void> => {
          const query = { interface: index % 10 === 0 ? '*' : 'leaks.Rounds', ...(index % 3 && { group: '*' }) };
          // Some do not stay for the first answer.
          if (index % 2) registry.subscribe(query).subscribe().unsubscribe();
          else await firstValueFrom(registry.subscribe(query));
        };
        for (let index = 0; index < 200; index++) await round(index);
        const before = await settled(footprint);
        const heap = [heapUsed()];
        for (let index = 0; index < 1_000; index++) {
          await round(index);
          if (index % 200 === 199) heap.push(heapUsed());
        }
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
        // One subscription with all that belongs to it has twenty thousand bytes.
        expect(slopeOf(heap) / 200).toBeLessThan(2_000);
      });

      it('1,000 subscriptions at once leave nothing behind', async () => {
        const { registry } = await stage.connect();
        const before = await settled(footprint);
        const watches = await server.watches();
        const subscriptions = Array.from({ length: 1_000 }, (_, index) =>
          registry.subscribe({ interface: `leaks.Many${index % 100}`, version: String(index % 7) }).subscribe(),
        );
        await eventually(async () => expect(await server.watches()).toBeGreaterThan(watches));
        for (const subscription of subscriptions) subscription.unsubscribe();
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
      });

      it('300 registrations that come and go, one by one, by stream and by promise, leave nothing behind', async () => {
        const { registry } = await stage.connect();
        await (await registry.provide('dubbo://a:1/leaks.Registered')).release();
        const before = await settled(footprint);
        const heapBefore = heapUsed();
        const urls = new Subject<string>();
        const moving = registry.register(urls).subscribe();
        for (let index = 0; index < 300; index++) {
          urls.next(`dubbo://m${index}:1/leaks.Registered`);
          await using provision = await registry.provide(`dubbo://h${index}:1/leaks.Registered`);
          expect(provision.url.port).toBe(1);
          registry.register(`dubbo://x${index}:1/leaks.Registered`).subscribe().unsubscribe();
        }
        moving.unsubscribe();
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
        expect(heapUsed() - heapBefore).toBeLessThan(4_000_000);
      });

      it('100 reconnects leave nothing behind', async () => {
        const actor = await stage.connect();
        const view = actor.consume({ interface: 'leaks.Reconnects' });
        const all = actor.consume({ interface: '*' });
        const registrations = ['a', 'b', 'c'].map((host) => actor.register(`dubbo://${host}:1/leaks.Reconnects`));
        await Promise.all(registrations.map((each) => each.registered()));
        await eventually(() => expect(view.addresses).toHaveLength(3));
        await eventually(() => expect(all.addresses).toHaveLength(3));
        const reconnect = async (): Promise<void> => {
          const connects = actor.states.trace.length;
          actor.proxy.dropConnections();
          await eventually(
            () => actor.states.trace.length >= connects + 2 && actor.states.last?.status === 'connected',
            {
              everyMs: 5,
            },
          );
        };
        for (let round = 0; round < 40; round++) await reconnect();
        const before = await settled(footprint);
        const told = [...view.told];
        const session = await actor.connected();
        const heap = [heapUsed()];
        for (let round = 0; round < 100; round++) {
          await reconnect();
          // Every cause that is kept keeps what it came of.
          actor.states.trace.splice(0, actor.states.trace.length - 1);
          for (const { states } of registrations) states.splice(0, states.length - 1);
          if (round % 20 === 19) heap.push(heapUsed());
        }
        await Promise.all(registrations.map((each) => each.registered()));
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
        expect(await actor.connected()).toBe(session);
        expect(view.told).toEqual(told);
        expect(actor.proxy.connections).toBe(1);
        // A reconnect costs one connection, not several.
        expect(actor.proxy.accepted).toBeLessThanOrEqual(141 + 20);
        // A connection with its buffers and watches has tens of thousands of bytes.
        expect(slopeOf(heap) / 20).toBeLessThan(10_000);
      });

      it('20 lost sessions leave nothing behind', async () => {
        const actor = await stage.connect();
        const view = actor.consume({ interface: 'leaks.Sessions' });
        const registration = actor.register('dubbo://a:1/leaks.Sessions');
        await registration.registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        const before = await settled(footprint);
        for (let round = 0; round < 20; round++) {
          const session = await actor.connected();
          await server.expire(session);
          await eventually(async () => (await actor.connected()) !== session);
        }
        await registration.registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
      });

      it('what is watched through a session is released with its subscription', async () => {
        const { registry } = await stage.connect();
        const before = await settled(footprint);
        const watches = await server.watches();
        const watchers = Array.from({ length: 100 }, (_, index) =>
          registry.states.pipe(whileConnected((session) => session.watchNode(`/leaks/${index}`))).subscribe(),
        );
        await eventually(async () => expect(await server.watches()).toBeGreaterThanOrEqual(watches + 100));
        for (const watcher of watchers) watcher.unsubscribe();
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
      });
    });

    describe('clean shutdown', () => {
      it('a registry that was closed leaves nothing behind, whatever was going on', async () => {
        const warm = await stage.connect();
        await warm.registry.close();
        await stage.clear();
        const before = await settled(footprint);
        for (let round = 0; round < 10; round++) {
          const actor = await stage.enter({ sessionMs: 1_000 });
          const view = actor.consume({ interface: '*' });
          const registration = actor.register('dubbo://a:1/leaks.Closed');
          if (round % 2) await registration.registered();
          if (round % 4 === 3) actor.proxy.cut();
          await actor.registry.close({ deadlineMs: 1_000 });
          expect(actor.states.last?.status).toBe('closed');
          expect([view.completed, registration.completed]).toEqual([true, true]);
          await actor.proxy.close();
        }
        // Those that were cut off could not end their sessions: that is up to the server.
        await eventually(async () => expect(await grownSince(before)).toEqual({}), { withinMs: 20_000 });
      });

      it('a program that closes its registry ends by itself', async () => {
        const program = fileURLToPath(new URL('../../support/scenario/programThatEnds.ts', import.meta.url));
        const address = `${server.scheme}://${server.address}?session=10000`;
        const run = promisify(execFile)(process.execPath, ['--import', 'tsx', program, address], {
          timeout: 40_000,
        });
        expect((await run).stdout).toBe('registered, seen, closed\n');
      });
    });

    /** What is held on the server, and by this process. */
    async function footprint(): Promise<Record<string, number>> {
      const counts = await server.load();
      counts.connections = stage.connections;
      for (const resource of process.getActiveResourcesInfo()) counts[resource] = (counts[resource] ?? 0) + 1;
      // Asking is an activity, too.
      delete counts.Immediate;
      delete counts.TickObject;
      for (const event of ['exit', 'uncaughtException', 'unhandledRejection', 'warning', 'SIGTERM', 'SIGINT']) {
        counts[`listeners of ${event}`] = process.listenerCount(event);
      }
      return counts;
    }

    /** What there is more of than before. */
    async function grownSince(before: Readonly<Record<string, number>>): Promise<Record<string, number>> {
      const now = await footprint();
      return Object.fromEntries(Object.entries(now).filter(([name, count]) => count > (before[name] ?? 0)));
    }
  });
}

/** By how much each of a row of readings is more than the one before it: the median of what any two of them say. */
function slopeOf(readings: readonly number[]): number {
  const slopes = readings.flatMap((later, end) =>
    readings.slice(0, end).map((earlier, begin) => (later - earlier) / (end - begin)),
  );
  return slopes.sort((a, b) => a - b)[Math.floor(slopes.length / 2)]!;
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
