import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { identityOf, knowsSession, throughout } from '../../support/scenario/judge.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

const BACK_WITHIN_MS = 2_000;
const T = 4_000;

/** What holds when sessions are cut off, resumed and expired. */
export function describeSessions(kind: string, start: StartRegistryServer): void {
  describe(`sessions with ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(() => stage.clear());
    afterAll(() => server.close());

    describe('a client that is cut off for longer than the session timeout', () => {
      it('no ghost, no vanish: its node goes in time, and is back within 2 s of the link', async () => {
        const provider = await stage.connect({ sessionMs: T });
        const witness = await stage.connect();
        const registration = provider.register('dubbo://a:1/session.Cut');
        const path = await registration.registered();
        const view = witness.consume({ interface: 'session.Cut' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));

        const cut = performance.now();
        provider.proxy.cut();
        await eventually(() => expect(view.told).toEqual(['add a:1', 'delete a:1']));
        // Our own clock must have given the session up before anybody else saw it go.
        expect(provider.states.firstAfter(cut, 'lost')).toBeLessThan(performance.now() - cut);
        expect(performance.now() - cut).toBeLessThan(T + 1_000 + SLACK_MS);
        expect(registration.status).toBe('pending');
        expect(await identityOf(server, path)).toBeUndefined();

        const healed = performance.now();
        provider.proxy.heal();
        await eventually(() => expect(view.told).toEqual(['add a:1', 'delete a:1', 'add a:1']));
        expect(performance.now() - healed).toBeLessThan(BACK_WITHIN_MS + SLACK_MS);
        await registration.registered();
        expect(registration.statuses.filter((status) => status !== 'pending')).toEqual([
          'registered',
          'suspended',
          'registered',
        ]);
      });

      it('no ghost: what was given up meanwhile does not come back', async () => {
        const provider = await stage.connect({ sessionMs: T });
        const [given, kept] = ['a', 'b'].map((host) => provider.register(`dubbo://${host}:1/session.GivenUp`));
        const path = await given!.registered();
        await kept!.registered();
        const witness = await stage.connect();
        const view = witness.consume({ interface: 'session.GivenUp' });
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));

        provider.proxy.cut();
        await eventually(() => provider.states.last?.status === 'suspended');
        given!.unsubscribe();
        await eventually(async () => expect(await identityOf(server, path)).toBeUndefined());
        provider.proxy.heal();
        await eventually(() => expect(view.addresses).toEqual(['b:1']));
        await throughout(500, async () => expect(await identityOf(server, path)).toBeUndefined());
        expect(view.told.filter((told) => told === 'add a:1')).toHaveLength(1);
      });
    });

    describe('a client that is cut off for less than the session timeout', () => {
      it('no ghost: what was given up meanwhile is taken back when the link is', async () => {
        const provider = await stage.connect({ sessionMs: 10_000 });
        const [given, kept] = ['a', 'b'].map((host) => provider.register(`dubbo://${host}:1/session.Kept`));
        const paths = await Promise.all([given!.registered(), kept!.registered()]);
        const witness = await stage.connect();
        const view = witness.consume({ interface: 'session.Kept' });
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));
        const before = await identityOf(server, paths[1]);

        provider.proxy.cut();
        await eventually(() => provider.states.last?.status === 'suspended');
        given!.unsubscribe();
        const healed = performance.now();
        provider.proxy.heal();
        await eventually(() => expect(view.told.slice(2)).toEqual(['delete a:1']));
        expect(performance.now() - healed).toBeLessThan(BACK_WITHIN_MS + SLACK_MS);
        expect(await identityOf(server, paths[0])).toBeUndefined();
        expect(await identityOf(server, paths[1])).toBe(before);
      });

      it('no vanish, legal events: taken up again before the link is back, nothing has happened', async () => {
        const provider = await stage.connect({ sessionMs: 10_000 });
        const url = 'dubbo://a:1/session.ChangeOfMind?pid=1&timestamp=1';
        const first = provider.register(url);
        const path = await first.registered();
        const witness = await stage.connect();
        const view = witness.consume({ interface: 'session.ChangeOfMind' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        const before = await identityOf(server, path);

        provider.proxy.cut();
        await eventually(() => provider.states.last?.status === 'suspended');
        first.unsubscribe();
        const second = provider.register(url);
        provider.proxy.heal();
        await second.registered();
        await provider.register('dubbo://b:1/session.ChangeOfMind').registered();
        await eventually(() => expect(view.addresses).toContain('b:1'));
        expect(view.told).toEqual(['add a:1', 'add b:1']);
        expect(await identityOf(server, path)).toBe(before);
      });

      it('no missed removal, legal events: is told what changed meanwhile, once', async () => {
        await tellsTheDifference(10_000, false);
      });
    });

    describe('a session that expires', () => {
      it('no vanish: a provider is registered again within 2 s of reconnecting', async () => {
        const provider = await stage.connect();
        const witness = await stage.connect();
        const registration = provider.register('dubbo://a:1/session.Expired');
        const path = await registration.registered();
        const view = witness.consume({ interface: 'session.Expired' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        const old = await provider.connected();
        const owners = server.ownersOf(old);

        await server.expire(old);
        const connected = await eventually(async () => {
          const session = await provider.connected();
          return session !== old && performance.now();
        });
        await eventually(async () => expect(owners).not.toContain(await ownerOf(path)), { withinMs: 5_000 });
        expect(performance.now() - connected).toBeLessThan(BACK_WITHIN_MS + SLACK_MS);
        await registration.registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        expect(await knowsSession(server, old.id)).toBe(false);
        expect(provider.states.statuses).toContain('lost');
        const lost = provider.states.trace.find(({ state }) => state.status === 'lost')?.state;
        expect(lost).toMatchObject({ confirmed: true });
      });

      it('no vanish: once for each time it happens', async () => {
        const provider = await stage.connect();
        const registration = provider.register('dubbo://a:1/session.ExpiredAgain');
        const path = await registration.registered();
        for (let round = 0; round < 3; round++) {
          const session = await provider.connected();
          const owners = server.ownersOf(session);
          await server.expire(session);
          await eventually(async () => expect(owners).not.toContain(await ownerOf(path)));
          await eventually(() => provider.states.last?.status === 'connected');
          await registration.registered();
        }
      });

      it('no missed removal, legal events: a consumer is told what changed meanwhile, once', async () => {
        await tellsTheDifference(10_000, true);
      });

      it('no missed removal: `*` is told of services that came and went meanwhile', async () => {
        // A group of its own, so that `*` means these.
        const provider = await stage.connect({ parameters: 'group=star' });
        const gone = provider.register('dubbo://a:1/session.star.Gone');
        await gone.registered();
        await provider.register('dubbo://b:1/session.star.Stays').registered();
        const consumer = await stage.connect({ parameters: 'group=star' });
        const view = consumer.consume('consumer://h/*?version=*');
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));
        const before = view.told.length;

        const session = await consumer.connected();
        consumer.proxy.cut();
        await eventually(() => consumer.states.last?.status === 'suspended');
        gone.unsubscribe();
        await provider.register('dubbo://c:1/session.star.New').registered();
        await server.expire(session);
        consumer.proxy.heal();
        await eventually(() => expect(view.told.slice(before).sort()).toEqual(['add c:1', 'delete a:1']));
      });
    });

    /** Cuts a consumer off, changes all that can change, and looks at what it is told afterwards. */
    async function tellsTheDifference(sessionMs: number, expire: boolean): Promise<void> {
      const service = `session.Diff${expire ? 'Expired' : 'Resumed'}`;
      const provider = await stage.connect();
      const stays = provider.register(`dubbo://stays:1/${service}`);
      const goes = provider.register(`dubbo://goes:1/${service}`);
      const changes = provider.register(`dubbo://changes:1/${service}?weight=1`);
      const returns = provider.register(`dubbo://returns:1/${service}`);
      await Promise.all([stays, goes, changes, returns].map((each) => each.registered()));
      const consumer = await stage.connect({ sessionMs });
      const view = consumer.consume({ interface: service });
      await eventually(() => expect(view.addresses).toHaveLength(4));
      const before = view.told.length;
      const session = await consumer.connected();

      consumer.proxy.cut();
      await eventually(() => consumer.states.last?.status === 'suspended');
      for (const each of [goes, changes, returns]) each.unsubscribe();
      await eventually(async () => expect(await children(service)).toHaveLength(1));
      await Promise.all([
        provider.register(`dubbo://comes:1/${service}`).registered(),
        provider.register(`dubbo://changes:1/${service}?weight=2`).registered(),
        provider.register(`dubbo://returns:1/${service}`).registered(),
      ]);
      if (expire) await server.expire(session);
      expect(view.told).toHaveLength(before);

      consumer.proxy.heal();
      await eventually(() => expect(view.addresses).toContain('comes:1'));
      await provider.register(`dubbo://last:1/${service}`).registered();
      await eventually(() => expect(view.addresses).toContain('last:1'));
      expect(view.told.slice(before).sort()).toEqual([
        'add comes:1',
        'add last:1',
        'delete goes:1',
        'update changes:1',
      ]);
      expect((await consumer.connected()) === session).toBe(!expire);
    }

    function children(service: string): Promise<string[]> {
      return server.names(`/dubbo/${service}/providers`);
    }

    /** Who a node belongs to, if there is one. */
    async function ownerOf(path: string): Promise<string | undefined> {
      const node = await server.node(path);
      if (!node) throw new Error(`there is no node ${path}`);
      return node.owner;
    }
  });
}
