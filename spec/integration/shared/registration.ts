import { Subject } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  DuplicateRegistrationError,
  InvalidUrlError,
  type Registry,
  RegistryError,
  type ServiceUrl,
} from '../../../lib/index.js';
import { belongsTo, identityOf, knowsSession, throughout } from '../../support/scenario/judge.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What holds for what is registered, whatever others do to it. */
export function describeRegistration(kind: string, start: StartRegistryServer): void {
  describe(`registration on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(() => stage.clear());
    afterAll(() => server.close());

    describe('no vanish: a node that somebody else removes', () => {
      it('is back, owned by the same session', async () => {
        const { provider, path, view } = await standing('registration.Deleted');
        const before = await identityOf(server, path);
        await server.remove(path);
        await eventually(async () => {
          const now = await identityOf(server, path);
          expect(now).toBeDefined();
          expect(now).not.toBe(before);
        });
        expect(await belongsTo(server, path, await provider.connected())).toBe(true);
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
      });

      it('is back each of ten times in a row', async () => {
        const { path, view } = await standing('registration.DeletedOften');
        for (let round = 0; round < 10; round++) {
          await server.remove(path);
          await eventually(async () => expect(await server.node(path)).toBeDefined());
        }
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
      });

      it('is back, with forty others, when the directory is removed several times without a pause', async () => {
        const provider = await stage.connect();
        const service = 'registration.DeletedAgain';
        const all = Array.from({ length: 40 }, (_, index) => provider.register(`dubbo://h${index}:1/${service}`));
        await Promise.all(all.map((each) => each.registered()));
        for (let round = 0; round < 3; round++) {
          for (let time = 0; time < 5; time++) await server.removeTree(`/dubbo/${service}/providers`);
          await eventually(
            async () => {
              expect(await server.names(`/dubbo/${service}/providers`)).toHaveLength(40);
              expect(all.every(({ status }) => status === 'registered')).toBe(true);
            },
            { withinMs: 8_000 },
          );
        }
      });

      it('is back when the service is removed with all in it', async () => {
        const { path, view } = await standing('registration.ServiceDeleted');
        await removeTree('/dubbo/registration.ServiceDeleted', path);
        await eventually(async () => expect(await identityOf(server, path)).toBeDefined());
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
      });

      it('is back when the whole tree is wiped, with all others', async () => {
        const { provider, path, view } = await standing('registration.Wiped');
        const others = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            provider.register(`dubbo://h${index}:1/registration.Wiped`).registered(),
          ),
        );
        await removeTree('/dubbo', path);
        for (const each of [path, ...others]) {
          await eventually(async () => expect(await identityOf(server, each)).toBeDefined());
        }
        await eventually(() => expect(view.addresses).toHaveLength(21));
      });
    });

    describe('no vanish: a fast restart with the old twin still there', () => {
      it('takes the node over, so that the end of the old session takes nothing along', async () => {
        const service = 'registration.Restarted';
        const urls = Array.from({ length: 5 }, (_, index) => `dubbo://h${index}:1/${service}?pid=1&timestamp=1`);
        // What the process before left: exactly the nodes that we shall register.
        const names = await namesOf(urls);
        const old = await server.stranger(4_000);
        for (const path of names) await old.hold(path);
        const witness = await stage.connect();
        const view = witness.consume({ interface: service });
        await eventually(() => expect(view.addresses).toHaveLength(5));
        const provider = await stage.connect();

        old.abandon();
        const paths = await Promise.all(urls.map((url) => provider.register(url).registered()));
        expect(paths).toEqual(names);
        expect(await knowsSession(server, old.id)).toBe(true);
        const session = await provider.connected();
        await eventually(async () => expect(await knowsSession(server, old.id)).toBe(false));
        for (const path of paths) expect(await belongsTo(server, path, session)).toBe(true);
        // A later one tells that there was no gap to be told.
        await provider.register(`dubbo://last:1/${service}`).registered();
        await eventually(() => expect(view.addresses).toHaveLength(6));
        expect(view.told.slice(5)).toEqual(['add last:1']);
        expect(provider.warnings).toEqual([]);
      });

      it('takes over also what the old process had registered for good', async () => {
        const service = 'registration.RestartedPersistent';
        const url = `dubbo://a:1/${service}?pid=1&timestamp=1`;
        const [name] = await namesOf([url]);
        await server.create(name!);
        const provider = await stage.connect();
        const registration = provider.register(url);
        const path = await registration.registered();
        expect(path).toBe(name);
        expect(await belongsTo(server, path, await provider.connected())).toBe(true);
        registration.unsubscribe();
        await eventually(async () => expect(await identityOf(server, path)).toBeUndefined());
      });
    });

    describe('single registration: a process that starts again with dynamic=false', () => {
      it('leaves one node after every run, and none once it is released', async () => {
        const directory = '/dubbo/registration.Again/providers';
        for (let run = 0; run < 3; run++) {
          const provider = await stage.connect();
          await provider.registry.provide('dubbo://a:1/registration.Again?dynamic=false');
          await provider.registry.close();
          expect(await server.names(directory)).toHaveLength(1);
        }
        const last = await stage.connect();
        const provision = await last.registry.provide('dubbo://a:1/registration.Again?dynamic=false');
        expect(await server.names(directory)).toHaveLength(1);
        await provision.release();
        expect(await server.names(directory)).toEqual([]);
      });
    });

    describe('single registration: two live registries with the same node', () => {
      it('settle on one, without a fight, and the other steps in when it goes', async () => {
        const url = 'dubbo://a:1/registration.Twins?pid=1&timestamp=1';
        const [first, second] = [await stage.connect(), await stage.connect()];
        const witness = await stage.connect();
        const view = witness.consume({ interface: 'registration.Twins' });
        const one = first.register(url);
        const path = await one.registered();
        const two = second.register(url);
        await two.registered();
        await eventually(() => expect(one.status).toBe('pending'));
        expect(first.warnings.map(({ code }) => code)).toEqual(['CONTESTED_REGISTRATION']);

        const settled = await identityOf(server, path);
        expect(await belongsTo(server, path, await second.connected())).toBe(true);
        await throughout(1_500, async () => expect(await identityOf(server, path)).toBe(settled));
        expect(two.status).toBe('registered');
        expect(first.warnings).toHaveLength(1);

        two.unsubscribe();
        await one.registered();
        expect(await belongsTo(server, path, await first.connected())).toBe(true);
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
      });

      it('no ghost: the one that lost takes nothing from the other when it leaves', async () => {
        const url = 'dubbo://a:1/registration.TwinLeaves?pid=1&timestamp=1';
        const [first, second] = [await stage.connect(), await stage.connect()];
        const one = first.register(url);
        const path = await one.registered();
        const two = second.register(url);
        await two.registered();
        await eventually(() => expect(one.status).toBe('pending'));
        const settled = await identityOf(server, path);
        one.unsubscribe();
        await first.registry.close();
        expect(await identityOf(server, path)).toBe(settled);
        expect(two.status).toBe('registered');
      });
    });

    describe('taking back', () => {
      it('clean shutdown: what is released is gone when that is acknowledged', async () => {
        const provider = await stage.connect();
        const provision = await provider.registry.provide('dubbo://a:1/registration.Released');
        const path = pathOf(provision.url);
        expect(await belongsTo(server, path, await provider.connected())).toBe(true);
        await provision.release();
        expect(await identityOf(server, path)).toBeUndefined();
      });

      it('clean shutdown: await using releases', async () => {
        const provider = await stage.connect();
        const { registry } = provider;
        let path: string;
        {
          await using provision = await registry.provide('dubbo://a:1/registration.Using');
          path = pathOf(provision.url);
          expect(await identityOf(server, path)).toBeDefined();
        }
        expect(await identityOf(server, path)).toBeUndefined();
      });

      it('clean shutdown: closing takes everything back before it resolves, and ends the session', async () => {
        const provider = await stage.connect();
        const paths = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            provider.register(`dubbo://h${index}:1/registration.Closed`).registered(),
          ),
        );
        const { id } = await provider.connected();
        await provider.registry.close();
        for (const path of paths.slice(0, 5)) expect(await identityOf(server, path)).toBeUndefined();
        expect(await server.names('/dubbo/registration.Closed/providers')).toEqual([]);
        expect(await knowsSession(server, id)).toBe(false);
        expect(provider.states.statuses.at(-1)).toBe('closed');
      });

      it('no ghost: what is unsubscribed at once is never there to stay', async () => {
        const provider = await stage.connect();
        for (let round = 0; round < 50; round++) provider.register('dubbo://a:1/registration.Hasty').unsubscribe();
        for (let round = 0; round < 20; round++) {
          const hasty = provider.register(`dubbo://h${round}:1/registration.Hasty`);
          await new Promise((resolve) => setImmediate(resolve));
          hasty.unsubscribe();
        }
        await provider.register('dubbo://last:1/registration.Hasty').registered();
        const directory = '/dubbo/registration.Hasty/providers';
        await eventually(async () => expect(await server.names(directory)).toHaveLength(1));
        await throughout(300, async () => expect(await server.names(directory)).toHaveLength(1));
      });

      it('single registration: on and off and on again ends with what was wanted last', async () => {
        const provider = await stage.connect();
        const url = 'dubbo://a:1/registration.Toggled?pid=1&timestamp=1';
        for (let round = 0; round < 30; round++) {
          const toggled = provider.register(url);
          if (round % 3 === 0) await toggled.registered();
          toggled.unsubscribe();
        }
        const last = provider.register(url);
        const path = await last.registered();
        await throughout(300, async () => expect(await identityOf(server, path)).toBeDefined());
        expect(last.status).toBe('registered');
      });
    });

    describe('no ghost: a provision that did not come about', () => {
      it.each<[string, RegExp | string, (registry: Registry, url: string) => Promise<unknown>]>([
        ['in time', /Waited 300 ms/, (registry, url) => registry.provide(url, { timeoutMs: 300 })],
        ['before it was given up', 'enough', (registry, url) => registry.provide(url, { signal: givenUpAfter(300) })],
        [
          'before the end',
          /closed/,
          (registry, url) => {
            const provision = registry.provide(url);
            void registry.close({ deadlineMs: 300 });
            return provision;
          },
        ],
      ])('%s leaves nothing', async (_, why, provide) => {
        const directory = '/dubbo/registration.NotProvided/providers';
        const provider = await stage.connect();
        // Requests still arrive, and are carried out: only nobody is told.
        provider.proxy.blackHole('toClient');
        await expect(provide(provider.registry, 'dubbo://a:1/registration.NotProvided')).rejects.toThrow(why);
        provider.proxy.heal();
        if (provider.states.last?.status !== 'closed') await provider.connected();
        const other = await stage.connect();
        await other.register('dubbo://b:1/registration.NotProvided').registered();
        await eventually(async () => expect(await server.names(directory)).toHaveLength(1), { withinMs: 15_000 });
        await throughout(300, async () => expect(await server.names(directory)).toHaveLength(1));
      });

      function givenUpAfter(ms: number): AbortSignal {
        const controller = new AbortController();
        setTimeout(() => controller.abort(new Error('enough')), ms);
        return controller.signal;
      }
    });

    describe('an answer that is lost', () => {
      it('single registration, no ghost: whether the node was made, or removed, is found out by reading', async () => {
        const provider = await stage.connect();
        await provider.register('dubbo://first:1/registration.Ambiguous').registered();
        for (let round = 0; round < 5; round++) {
          provider.proxy.cutAfter(0, 'toClient');
          const registration = provider.register(`dubbo://h${round}:1/registration.Ambiguous`);
          const path = await registration.registered();
          expect(await belongsTo(server, path, await provider.connected())).toBe(true);

          provider.proxy.cutAfter(0, 'toClient');
          registration.unsubscribe();
          await eventually(async () => expect(await identityOf(server, path)).toBeUndefined());
          await provider.connected();
        }
        expect(await server.names('/dubbo/registration.Ambiguous/providers')).toHaveLength(1);
        expect(provider.states.statuses).not.toContain('lost');
      });
    });

    describe('what is registered', () => {
      it('no vanish: moves with its stream of URLs, the new node before the old one goes', async () => {
        const provider = await stage.connect();
        const witness = await stage.connect();
        const view = witness.consume({ interface: 'registration.Moved' });
        const urls = new Subject<string>();
        const registration = provider.register(urls);
        urls.next('dubbo://a:1/registration.Moved');
        await eventually(() => expect(view.told).toEqual(['add a:1']));
        urls.next('dubbo://b:1/registration.Moved');
        await eventually(() => expect(view.addresses).toEqual(['b:1']));
        expect(view.sizes.slice(1)).not.toContain(0);
        expect(new Set(view.told)).toEqual(new Set(['add a:1', 'add b:1', 'delete a:1']));

        urls.next('dubbo://b:1/registration.Moved?weight=7');
        await eventually(() => expect(view.told.at(-1)).toBe('update b:1'));
        expect(view.services[0]?.parameter('weight')).toBe('7');
        await eventually(async () => expect(await server.names('/dubbo/registration.Moved/providers')).toHaveLength(1));
        expect(view.told).toHaveLength(4);
        registration.unsubscribe();
        await eventually(async () => expect(await server.names('/dubbo/registration.Moved/providers')).toEqual([]));
        await eventually(() => expect(view.told.slice(4)).toEqual(['delete b:1']));
      });

      it('single registration: moves often and fast, and ends with the last URL alone', async () => {
        const provider = await stage.connect();
        const witness = await stage.connect();
        const view = witness.consume({ interface: 'registration.Restless' });
        const urls = new Subject<string>();
        const registration = provider.register(urls);
        for (let step = 0; step < 100; step++) {
          const host = ['a', 'b', 'a', 'c'][step % 4];
          urls.next(`dubbo://${host}:1/registration.Restless?weight=${step % 5}`);
          if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (step % 25 === 0) await registration.registered();
        }
        urls.next('dubbo://last:1/registration.Restless');
        urls.complete();
        const directory = '/dubbo/registration.Restless/providers';
        await eventually(() => expect(view.addresses).toEqual(['last:1']));
        await eventually(async () => expect(await server.names(directory)).toHaveLength(1));
        expect(await registration.registered()).toContain('last%3A1');
        expect(registration.completed).toBe(false);
        registration.unsubscribe();
        await eventually(async () => expect(await server.names(directory)).toEqual([]));
      });

      it('is a consumer among consumers', async () => {
        const consumer = await stage.connect();
        const path = await consumer.register('consumer://10.0.0.9/registration.Used?version=1.0.0').registered();
        expect(path).toMatch(
          /^\/dubbo\/registration\.Used\/consumers\/consumer%3A%2F%2F10\.0\.0\.9%2Fregistration\.Used%3F/,
        );
        const view = consumer.consume('consumer://h/registration.Used?category=consumers&version=*');
        await eventually(() => expect(view.addresses).toEqual(['10.0.0.9']));
        expect(await server.names('/dubbo/registration.Used/providers')).toEqual([]);
      });

      it('stays for good with dynamic=false, and goes when it is unsubscribed', async () => {
        const url = 'dubbo://a:1/registration.Static?dynamic=false&pid=1&timestamp=1';
        const first = await stage.connect();
        const path = await first.register(url).registered();
        expect(await server.node(path)).toMatchObject({ owner: undefined });
        const before = await identityOf(server, path);
        await first.registry.close();
        expect(await identityOf(server, path)).toBe(before);

        const second = await stage.connect();
        const again = second.register(url);
        await again.registered();
        expect(await identityOf(server, path)).toBe(before);
        again.unsubscribe();
        await eventually(async () => expect(await identityOf(server, path)).toBeUndefined());
      });

      it('lies below the path and the group of the address', async () => {
        const chroot = '/far/away';
        const provider = await stage.connect({ chroot, parameters: 'group=shop' });
        const path = await provider.register('dubbo://a:1/registration.Grouped').registered();
        expect(path).toMatch(/^\/shop\/registration\.Grouped\/providers\//);
        expect(await server.names('/far/away/shop/registration.Grouped/providers')).toHaveLength(1);

        const neighbour = await stage.connect({ chroot, group: 'shop' });
        const stranger = await stage.connect({ chroot });
        const inside = neighbour.consume({ interface: 'registration.Grouped' });
        const outside = stranger.consume({ interface: 'registration.Grouped' });
        await eventually(() => expect(inside.addresses).toEqual(['a:1']));
        await eventually(() => expect(outside.sizes).toEqual([0]));
        await server.removeTree('/far').catch(() => undefined);
        await eventually(async () =>
          expect(await server.names('/far/away/shop/registration.Grouped/providers')).toHaveLength(1),
        );
        await eventually(() => expect(inside.addresses).toEqual(['a:1']));
      });

      it('isolation: a second one of the same service is refused at once, and harms nothing', async () => {
        const { provider, path } = await standing('registration.Duplicate');
        const before = await identityOf(server, path);
        const duplicate = provider.register('dubbo://a:1/registration.Duplicate?weight=3');
        expect(duplicate.error).toBeInstanceOf(DuplicateRegistrationError);
        await expect(provider.registry.provide('dubbo://a:1/registration.Duplicate')).rejects.toThrow(
          DuplicateRegistrationError,
        );
        expect(await identityOf(server, path)).toBe(before);
        expect(await server.names('/dubbo/registration.Duplicate/providers')).toHaveLength(1);
      });

      it('isolation: one that can never be written harms nothing beside it', async () => {
        const provider = await stage.connect();
        const long = 'x'.repeat(70_000);
        for (const url of [
          'nonsense',
          'dubbo://a:1/',
          'dubbo://a:1/registration.Bad?a=b;c',
          `dubbo://a:1/b?long=${long}`,
        ]) {
          expect(provider.register(url).error).toBeInstanceOf(InvalidUrlError);
        }
        expect(provider.register('dubbo://a:1/registration.Bad?category=..').error).toBeInstanceOf(RegistryError);
        await provider.register('dubbo://a:1/registration.Good').registered();
      });
    });

    async function standing(
      service: string,
    ): Promise<{ provider: Actor; path: string; view: ReturnType<Actor['consume']> }> {
      const provider = await stage.connect();
      const witness = await stage.connect();
      const path = await provider.register(`dubbo://a:1/${service}`).registered();
      const view = witness.consume({ interface: service });
      await eventually(() => expect(view.addresses).toEqual(['a:1']));
      return { provider, path, view };
    }

    /** The paths that some URLs get, found out by registering them once. */
    async function namesOf(urls: readonly string[]): Promise<string[]> {
      const scout = await stage.connect();
      const paths = await Promise.all(urls.map((url) => scout.register(url).registered()));
      await scout.registry.close();
      return paths;
    }

    function pathOf(url: ServiceUrl): string {
      return `/dubbo/${url.interface}/providers/${new URLSearchParams({ '': url.toString() }).toString().slice(1)}`;
    }

    /** Removes a tree though its nodes come back; done when a path in it was seen gone or made anew. */
    async function removeTree(root: string, path: string): Promise<void> {
      const before = await identityOf(server, path);
      await eventually(
        async () => {
          await server.removeTree(root).catch(() => undefined);
          expect(await identityOf(server, path)).not.toBe(before);
        },
        { everyMs: 1 },
      );
    }
  });
}
