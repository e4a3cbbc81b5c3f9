import { map, type Observable } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whileConnected } from '../../../lib/connection/index.js';
import { ask, bytes, foldDirectory, Recorder, refusalOf, SOON_MS, text } from '../../contract/probe.js';
import { type Player, Troupe } from '../../contract/troupe.js';
import { belongsTo } from '../../support/scenario/judge.js';
import type { BackendOptions, RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { eventually } from '../../support/servers/eventually.js';

/** What is asked of a session while things happen to it. */
export function describeCalls(kind: string, start: StartRegistryServer): void {
  describe(`calls on ${kind}`, () => {
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

    describe('an answer that is lost, wherever it is cut off', () => {
      it('leaves a node that can be told as one’s own', async () => {
        const player = await troupe.join(server.port);
        const { session } = player;
        await ask(session.makeDirectory('/lost-answers'));
        const outcomes = await cutEverywhere(player, async (round) => {
          const path = `/lost-answers/${round}`;
          const answered = await isAnswered(session.create(path, { ephemeral: true }));
          return { answered, check: async () => (await ask(session.read(path)))?.owner === session.id };
        });
        // Every one of them that was carried out is ours, and it is told what becomes of trying again.
        expect(outcomes).toContainEqual({ answered: false, found: true });
        expect(outcomes.at(-1)).toEqual({ answered: true, found: true });
        const last = `/lost-answers/${outcomes.length - 1}`;
        expect(await refusalOf(session.create(last, { ephemeral: true }))).toBe('NODE_EXISTS');
      });

      it('never makes a second node of a sequential one', async () => {
        const player = await troupe.join(server.port);
        const { session } = player;
        const outcomes = await cutEverywhere(player, async (round) => {
          const directory = `/lost-sequence/${round}`;
          await server.create(`${directory}/first`);
          const answered = await isAnswered(session.create(`${directory}/n-`, { sequential: true }));
          return {
            answered,
            check: async () => {
              const names = await server.names(directory);
              expect(names.length).toBeLessThanOrEqual(2);
              return names.length === 2;
            },
          };
        });
        expect(outcomes).toContainEqual({ answered: false, found: true });
        expect(outcomes.at(-1)).toEqual({ answered: true, found: true });
      });

      it('never writes a second time', async () => {
        const player = await troupe.join(server.port);
        const { session } = player;
        const outcomes = await cutEverywhere(player, async (round) => {
          const path = `/lost-write/${round}`;
          await server.create(path, '0');
          const answered = await isAnswered(session.write(path, bytes('1')));
          return {
            answered,
            check: async () => {
              const node = await server.node(path);
              expect(node?.writes).toBe(node?.data.toString() === '1' ? 1 : 0);
              return node?.writes === 1;
            },
          };
        });
        expect(outcomes).toContainEqual({ answered: false, found: true });
        expect(outcomes.at(-1)).toEqual({ answered: true, found: true });
      });

      it('never removes a second time', async () => {
        const player = await troupe.join(server.port);
        const { session } = player;
        const outcomes = await cutEverywhere(player, async (round) => {
          const path = `/lost-removal/${round}`;
          await server.create(path);
          const answered = await isAnswered(session.remove(path));
          return {
            answered,
            check: async () => {
              const found = (await server.node(path)) === undefined;
              // What comes after it is somebody else's.
              if (found) await server.create(path);
              await ask(session.list('/'));
              expect(await server.node(path)).toBeDefined();
              return found;
            },
          };
        });
        expect(outcomes).toContainEqual({ answered: false, found: true });
        expect(outcomes.at(-1)).toEqual({ answered: true, found: true });
      });
    });

    describe('a node of a dying session', () => {
      it('is taken over by the one who comes after it, and outlives the old session', async () => {
        const dying = await troupe.join(server.port, { sessionTimeoutMs: 4_000 });
        const successor = await troupe.join(server.port);
        await ask(dying.session.create('/restarted/provider', { ephemeral: true }));
        dying.proxy.blackHole();
        expect(await refusalOf(successor.session.create('/restarted/provider', { ephemeral: true }))).toBe(
          'NODE_EXISTS',
        );
        const found = await ask(successor.session.read('/restarted/provider'));
        expect(found).toMatchObject({ owner: dying.session.id });
        using seen = new Recorder(successor.session.watchDirectory('/restarted'));
        await ask(successor.session.takeOver(found!, { ephemeral: true }));
        await server.expire(dying.session);
        await ask(successor.session.create('/restarted/witness'));
        await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['provider', 'witness']));
        expect([...foldDirectory(seen.values).gone]).toEqual([]);
        expect(await belongsTo(server, '/restarted/provider', successor.session)).toBe(true);
      });
    });

    describe('a directory with more than a megabyte of names', () => {
      it('is read and watched', async () => {
        const { probe, session } = await troupe.join(server.port);
        const names = Array.from({ length: 4_400 }, (_, index) => String(index).padStart(250, 'd'));
        await Promise.all(names.map((name) => ask(session.create(`/large/${name}`))));
        expect(await ask(session.list('/large'))).toHaveLength(4_400);
        using seen = new Recorder(session.watchDirectory('/large'));
        await eventually(() => seen.values.length === 1);
        await ask(session.remove(`/large/${names[0]}`));
        await eventually(() => expect(foldDirectory(seen.values).names).toHaveLength(4_399));
        expect(probe.statuses).toEqual(['connecting', 'connected']);
      });

      it.each([2, 4, 30, 10_000, 900_000])(
        'costs nothing but the call when its list is cut off after %i bytes',
        async (length) => {
          const player = await troupe.join(server.port);
          const { proxy, probe, session } = player;
          const node = await ask(session.create('/cut-within', { ephemeral: true }));
          proxy.cutAfter(length, 'toClient');
          expect(await refusalOf(session.list('/large'))).toBe('CONNECTION_LOST');
          await resumed(player);
          expect(await ask(session.list('/large'))).toHaveLength(4_399);
          expect(await ask(session.read('/cut-within'))).toEqual(node);
          expect(probe.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
          expect(proxy.accepted).toBe(2);
        },
      );
    });

    describe('watches', () => {
      it('see the last of three thousand changes', async () => {
        const { session } = await troupe.join(server.port);
        await server.create('/coalesced');
        using directory = new Recorder(session.watchDirectory('/coalesced'));
        using node = new Recorder(session.watchNode('/coalesced'));
        await eventually(() => directory.values.length === 1 && node.values.length === 1);
        const changes: Promise<unknown>[] = [];
        for (let index = 0; index < 1_000; index += 1) {
          changes.push(server.create(`/coalesced/${index}`));
          if (index >= 10) changes.push(server.remove(`/coalesced/${index - 10}`));
          changes.push(server.write('/coalesced', `${index}`));
        }
        await Promise.all(changes);
        await eventually(() => expect(text(node.last?.data)).toBe('999'));
        await eventually(async () =>
          expect(foldDirectory(directory.values).names).toEqual(await server.names('/coalesced')),
        );
      });

      it('on a node that came and went during a cut see it come the next time', async () => {
        const player = await troupe.join(server.port);
        const { proxy, probe } = player;
        const names: (string | undefined)[] = [];
        using seen = new Recorder(
          probe.backend.states.pipe(
            whileConnected((session) => session.watchNode('/came-and-went')),
            map((node) => names.push(text(node?.data))),
          ),
        );
        await eventually(() => expect(names).toEqual([undefined]));
        proxy.cut();
        await probe.reaches('suspended');
        await server.create('/came-and-went', 'unseen');
        await server.remove('/came-and-went');
        proxy.heal();
        await eventually(() => expect(names).toEqual([undefined, undefined]), { withinMs: SOON_MS });
        await server.create('/came-and-went', 'seen');
        await eventually(() => expect(names).toEqual([undefined, undefined, 'seen']));
        expect(seen.error).toBeUndefined();
      });

      it('miss nothing that happens between a firing and the next reading', async () => {
        const { session } = await troupe.join(server.port);
        using seen = new Recorder(session.watchNode('/flapping'));
        for (let round = 0; round < 200; round += 1) {
          await server.create('/flapping', `${round}`);
          if (round < 199) await server.remove('/flapping');
        }
        await eventually(() => expect(text(seen.last?.data)).toBe('199'));
      });
    });

    describe('what an address and a mode can be', () => {
      it('a chroot that is missing is made, and everything lies below it', async () => {
        const probe = troupe.follow(`${server.address}/deep/chroot`);
        const session = await probe.session();
        expect(await ask(session.list('/'))).toEqual([]);
        using seen = new Recorder(session.watchDirectory('/'));
        await eventually(() => seen.values.length === 1);
        const node = await ask(session.create('/a', { ephemeral: true, data: bytes('x') }));
        expect(node.path).toBe('/a');
        expect(await belongsTo(server, '/deep/chroot/a', session)).toBe(true);
        expect(await server.node('/a')).toBeUndefined();
        await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['a']));
        expect(await ask(session.list('/'))).toEqual(['a']);
        expect(await ask(session.read('/'))).toMatchObject({ path: '/' });
        const taken = await ask(session.takeOver(node, { ephemeral: true }));
        expect(taken.path).toBe('/a');
        const numbered = await ask(session.create('/n-', { sequential: true }));
        expect(numbered.path).toMatch(/^\/n-\d{10}$/);
        await ask(session.makeDirectory('/'));
        await server.create('/deep/chroot/by-hand');
        await eventually(() => expect(foldDirectory(seen.values).names).toContain('by-hand'));
        expect(await ask(session.remove('/a', { owner: session.id }))).toBe(true);
      });

      it('every mode makes what it says', async () => {
        const { session } = await troupe.join(server.port);
        for (const ephemeral of [false, true]) {
          for (const sequential of [false, true]) {
            const { path } = await ask(session.create('/modes/deep/n-', { ephemeral, sequential }));
            expect(await server.node(path)).toMatchObject({ owner: ephemeral ? session.id : undefined });
            expect(path).toMatch(sequential ? /n-\d{10}$/ : /n-$/);
            if (!sequential) await ask(session.remove(path));
          }
        }
      });
    });

    /** Does something once for each place at which its answers can be cut off, until they come through whole. */
    async function cutEverywhere(
      { proxy, probe }: Player,
      work: (round: number) => Promise<{ answered: boolean; check: () => Promise<boolean> }>,
    ): Promise<{ readonly answered: boolean; readonly found: boolean }[]> {
      const outcomes = [];
      for (let round = 0; round < 100; round += 1) {
        const from = probe.trace.length;
        proxy.cutAfter(round * 20, 'toClient');
        const { answered, check } = await work(round);
        proxy.cutAfter(Infinity, 'toClient');
        if (!answered) await probe.reaches('suspended', from);
        // It may also have been cut off right after the answer.
        await eventually(async () => void (await ask((await probe.session()).list('/'))), { withinMs: SOON_MS });
        outcomes.push({ answered, found: await check() });
        if (answered) return outcomes;
      }
      throw new Error('It is not answered at all');
    }

    async function isAnswered(operation: Observable<unknown>): Promise<boolean> {
      return ask(operation).then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
          return false;
        },
      );
    }

    async function resumed({ probe }: Player): Promise<void> {
      await probe.reaches('suspended');
      await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    }
  });
}
