import { setTimeout as sleep } from 'node:timers/promises';
import { map } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigCenter, createConfigCenter, createRegistry, RegistryError } from '../../../lib/index.js';
import { Recorder } from '../../contract/probe.js';
import { knowsSession } from '../../support/scenario/judge.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { settled } from '../../support/scenario/settled.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { type Actor, type ActorOptions, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

const group = 'acme';
const T = 3_000;

/** What a configuration centre keeps to while its server is killed, frozen, cut off and wiped. */
export function describeConfiguration(kind: string, start: StartRegistryServer): void {
  describe(`configuration on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    const centres: ConfigCenter[] = [];
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(async () => {
      server.thaw();
      await server.start();
      await Promise.all(centres.splice(0).map((config) => config.close()));
      await stage.clear();
    });
    afterAll(() => server.close());

    /** A configuration centre behind a proxy of its own, on the session of an actor. */
    async function join(options: ActorOptions = {}): Promise<{ readonly actor: Actor; readonly config: ConfigCenter }> {
      const actor = await stage.connect(options);
      const config = createConfigCenter(actor.registry, { retry: { baseMs: 10, maxMs: 100 } });
      centres.push(config);
      return { actor, config };
    }

    const pathOf = (key: string): string => `/dubbo/config/${group}/${key}`;

    function record(config: ConfigCenter, key: string): Recorder<string> & { readonly versions: bigint[] } {
      const versions: bigint[] = [];
      const told = config.watch(key, { group }).pipe(
        map((value) => {
          if (value.present) versions.push(value.version);
          return value.content ?? 'absent';
        }),
      );
      return Object.assign(new Recorder(told), { versions });
    }

    describe('outages', () => {
      it.each<[string, ActorOptions, () => Promise<void>, () => Promise<void>]>([
        ['killed and started again', {}, () => server.kill(), () => server.start()],
        ['frozen and thawed', { sessionMs: T }, async () => server.freeze(), async () => server.thaw()],
      ])('no value is told in one, twice, or lost by it: %s', async (_, options, fail, mend) => {
        const { actor, config } = await join(options);
        await config.publish('outage', 'x', { group });
        using seen = record(config, 'outage');
        using absent = record(config, 'comes');
        await eventually(() => expect([seen.values, absent.values]).toEqual([['x'], ['absent']]));
        await fail();
        await eventually(() => actor.states.last?.status === 'suspended');
        using late = record(config, 'outage');
        using unknown = record(config, 'unknown');
        const published = config.publish('comes', 'y', { group });
        expect([late.values, unknown.values]).toEqual([['x'], []]);
        await expect(config.get('outage', { group, timeoutMs: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' });
        await mend();
        await published;
        await eventually(() => expect([absent.values, unknown.values]).toEqual([['absent', 'y'], ['absent']]));
        await config.publish('outage', 'z', { group });
        await eventually(() =>
          expect([seen.values, late.values]).toEqual([
            ['x', 'z'],
            ['x', 'z'],
          ]),
        );
        await config.remove('comes', { group });
      });

      it('longer than the session: lost, resumed or replaced, and the value is what it was', async () => {
        const { actor, config } = await join({ sessionMs: T });
        await config.publish('long', 'x', { group });
        using seen = record(config, 'long');
        await eventually(() => expect(seen.values).toEqual(['x']));
        actor.proxy.blackHole();
        const holed = performance.now();
        await eventually(() => actor.states.last?.status === 'connecting' || actor.states.last?.status === 'lost');
        expect(performance.now() - holed).toBeLessThan(T + SLACK_MS);
        const other = await join();
        await other.config.publish('long', 'y', { group });
        await other.config.publish('long', 'z', { group });
        expect(seen.values).toEqual(['x']);
        actor.proxy.heal();
        await eventually(() => expect(seen.values).toEqual(['x', 'z']));
      });

      it('a server that has lost all it knew: what is gone is told as absent, what is written anew with its new version', async () => {
        const { config } = await join();
        for (const content of ['1', '2', '3']) await config.publish('wiped', content, { group });
        using seen = record(config, 'wiped');
        using keys = new Recorder(config.keys(group).pipe(map((all) => all.has('wiped'))));
        await eventually(() => expect([seen.values, keys.last]).toEqual([['3'], true]));
        await server.wipe();
        await eventually(() => expect([seen.values, keys.last]).toEqual([['3', 'absent'], false]));
        await config.publish('wiped', '4', { group });
        await eventually(() => expect([seen.values, keys.last]).toEqual([['3', 'absent', '4'], true]));
      });

      it.each<[string, (actor: Actor) => void]>([
        ['frozen', () => server.freeze()],
        ['refusing', ({ proxy }) => proxy.cut()],
        ['in a black hole', ({ proxy }) => proxy.blackHole()],
      ])('clean shutdown: closing keeps its deadline with a server that is %s', async (_, fail) => {
        const { actor, config } = await join();
        using seen = record(config, 'closing');
        await eventually(() => expect(seen.values).toEqual(['absent']));
        await actor.registry.close();
        fail(actor);
        const closing = performance.now();
        await config.close({ deadlineMs: 500 });
        expect(performance.now() - closing).toBeLessThan(500 + SLACK_MS);
      });
    });

    describe('an answer that is lost, wherever it is cut off', () => {
      it('leaves a compare-and-set done once, or said to be unknown, never refused', async () => {
        const { actor, config } = await join();
        const outcomes = await cutEverywhere(actor, async (key, arm) => {
          await server.create(pathOf(key), '0');
          const { version } = await config.get(key, { group });
          arm();
          const code = await codeOf(config.publish(key, '1', { group, ifVersion: version! }));
          const node = (await server.node(pathOf(key)))!;
          expect(node.writes).toBe(node.data.toString() === '1' ? 1 : 0);
          if (code === 'done') expect(node.writes).toBe(1);
          return { code, found: node.writes === 1 };
        });
        expect(outcomes).toContainEqual({ code: 'OUTCOME_UNKNOWN', found: true });
        for (const { code } of outcomes) expect(['done', 'OUTCOME_UNKNOWN']).toContain(code);
      });

      it('leaves a first publication done once, or said to be unknown', async () => {
        const { actor, config } = await join();
        const outcomes = await cutEverywhere(actor, async (key, arm) => {
          arm();
          const code = await codeOf(config.publish(key, '1', { group, ifVersion: 'absent' }));
          const node = await server.node(pathOf(key));
          if (code === 'done') expect(node).toMatchObject({ writes: 0 });
          return { code, found: node !== undefined };
        });
        expect(outcomes).toContainEqual({ code: 'OUTCOME_UNKNOWN', found: true });
        for (const { code } of outcomes) expect(['done', 'OUTCOME_UNKNOWN']).toContain(code);
      });

      it('leaves a conditional removal done, or said to be unknown', async () => {
        const { actor, config } = await join();
        const outcomes = await cutEverywhere(actor, async (key, arm) => {
          await server.create(pathOf(key), '0');
          const { version } = await config.get(key, { group });
          arm();
          const code = await codeOf(config.remove(key, { group, ifVersion: version! }));
          const found = (await server.node(pathOf(key))) === undefined;
          if (code === 'done') expect(found).toBe(true);
          return { code, found };
        });
        expect(outcomes).toContainEqual({ code: 'OUTCOME_UNKNOWN', found: true });
        for (const { code } of outcomes) expect(['done', 'OUTCOME_UNKNOWN']).toContain(code);
      });

      it('costs nothing without a condition: done, and not written twice where nobody else did', async () => {
        const { actor, config } = await join();
        const outcomes = await cutEverywhere(actor, async (key, arm) => {
          await server.create(pathOf(key), '0');
          arm();
          const code = await codeOf(config.publish(key, '1', { group }));
          const writes = (await server.node(pathOf(key)))!.writes;
          await config.remove(key, { group });
          expect(await server.node(pathOf(key))).toBeUndefined();
          return { code, found: writes === 1 };
        });
        for (const outcome of outcomes) expect(outcome).toEqual({ code: 'done', found: true });
      });

      it('50 writers who each increment a counter: none is lost or counted twice, and a watcher ends at the last value', async () => {
        const watcher = await join();
        using seen = record(watcher.config, 'counter');
        await eventually(() => expect(seen.values).toEqual(['absent']));
        const members = await Promise.all(Array.from({ length: 5 }, () => join()));
        let busy = true;
        const cutting = (async () => {
          for (let round = 0; busy && round < 500; round += 1) {
            await sleep(25);
            if (round % 10 === 5) watcher.actor.proxy.dropConnections();
            members[round % members.length]!.actor.proxy.dropConnections();
          }
        })();
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, index) => increment(members[index % members.length]!.config)),
        );
        busy = false;
        await cutting;
        const done = outcomes.filter((outcome) => outcome === 'done').length;
        const { content } = await watcher.config.get('counter', { group });
        expect(Number(content)).toBeGreaterThanOrEqual(done);
        expect(Number(content)).toBeLessThanOrEqual(50);
        await eventually(() => expect(seen.last).toBe(content));
        for (const [index, version] of seen.versions.entries()) {
          if (index > 0) expect(version).toBeGreaterThan(seen.versions[index - 1]!);
        }
      });
    });

    describe('one session for each server address', () => {
      it('is what the server sees of a registry and its configuration centres, until the last of them closes', async () => {
        // Whoever asks may have a session, too.
        await server.names('/');
        const before = await settled(() => server.sessions());
        const address = `${server.scheme}://${server.address}?session=9000`;
        const registry = createRegistry(address);
        const all = [registry, createConfigCenter(`${address}&namespace=shop`), createConfigCenter(registry)] as const;
        await registry.provide('dubbo://a:1/config.Shared');
        await all[1].publish('key', 'x', { group });
        using seen = record(all[2], 'key');
        await eventually(() => expect(seen.values).toEqual(['absent']));
        // Told once for the session, and once for its nodes.
        const ours = async (): Promise<string[]> =>
          [...new Set(await server.sessions())].filter((each) => !before.includes(each));
        const [shared, ...others] = await ours();
        expect([typeof shared, others]).toEqual(['string', []]);

        const second = createRegistry(address);
        await second.provide('dubbo://a:1/config.Shared');
        expect(await ours()).toHaveLength(2);
        await second.close();

        await registry.close();
        expect(await server.names('/dubbo/config.Shared/providers')).toEqual([]);
        expect(await knowsSession(server, shared!)).toBe(true);
        await all[1].close();
        await server.create(pathOf('key'), 'x');
        await eventually(() => expect(seen.values).toEqual(['absent', 'x']));
        await all[2].close();
        await eventually(async () => {
          for (const session of await server.sessions()) expect(before).toContain(session);
        });
      });
    });

    describe('no leak', () => {
      it('300 rounds of watching, reading and writing leave nothing behind', async () => {
        const { config } = await join();
        await config.get('leak', { group });
        const before = await settled(() => server.load());
        const timers = activeTimers();
        for (let round = 0; round < 300; round += 1) {
          const key = `leak-${round % 10}`;
          using seen = record(config, key);
          const keys = config.keys(group).subscribe();
          if (round % 2) await eventually(() => seen.values.length > 0, { everyMs: 1 });
          if (round % 3 === 0) await config.publish(key, `${round}`, { group });
          if (round % 30 === 0) await config.remove(key, { group });
          keys.unsubscribe();
        }
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
        await eventually(() => expect(activeTimers()).toBeLessThanOrEqual(timers));
      });

      it('30 reconnects and 5 lost sessions leave one watch for each value', async () => {
        const { actor, config } = await join();
        await config.publish('leak', 'x', { group });
        const keys = ['leak', 'leak', 'leak-absent'];
        const watches = keys.map((key) => record(config, key));
        const told = [['x'], ['x'], ['absent']];
        await eventually(() => expect(watches.map(({ values }) => values)).toEqual(told));
        const before = await settled(() => server.load());
        for (let round = 0; round < 30; round += 1) {
          const states = actor.states.trace.length;
          actor.proxy.dropConnections();
          await eventually(() => actor.states.trace.length >= states + 2 && actor.states.last?.status === 'connected', {
            everyMs: 5,
          });
        }
        for (let round = 0; round < 5; round += 1) {
          const session = await actor.connected();
          await server.expire(session);
          await eventually(async () => (await actor.connected()) !== session);
        }
        await eventually(async () => expect(await grownSince(before)).toEqual({}));
        expect(watches.map(({ values }) => values)).toEqual(told);
        for (const watch of watches) watch.stop();
      });
    });

    /** What the server holds more of than before: those who came earlier may still be on their way out. */
    async function grownSince(before: Readonly<Record<string, number>>): Promise<Record<string, number>> {
      return Object.fromEntries(Object.entries(await server.load()).filter(([name, count]) => count > before[name]!));
    }

    /** Does something once for each place at which its answers can be cut off, until they come through whole. */
    async function cutEverywhere<T>(
      { proxy }: Actor,
      work: (key: string, arm: () => void) => Promise<T>,
    ): Promise<T[]> {
      const outcomes: T[] = [];
      for (let round = 0; round < 200; round += 1) {
        const { accepted } = proxy;
        outcomes.push(await work(`cut-${(keys += 1)}`, () => proxy.cutAfter(round * 15, 'toClient')));
        proxy.cutAfter(Infinity, 'toClient');
        if (proxy.accepted === accepted) return outcomes;
      }
      throw new Error('It is not answered at all');
    }
    let keys = 0;

    async function increment(config: ConfigCenter): Promise<'done' | 'unknown'> {
      for (;;) {
        const { content = '0', version } = await config.get('counter', { group });
        const next = `${Number(content) + 1}`;
        const code = await codeOf(config.publish('counter', next, { group, ifVersion: version ?? 'absent' }));
        if (code === 'done') return 'done';
        if (code === 'OUTCOME_UNKNOWN') return 'unknown';
        expect(code).toBe('VERSION_CONFLICT');
        await sleep(Math.random() * 30);
      }
    }
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof RegistryError ? error.code : String(error)),
  );
}

function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
}
