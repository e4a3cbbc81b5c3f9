import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { identityOf, throughout } from '../../support/scenario/judge.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What holds through outages of the server, and of the way to it. */
export function describeOutages(kind: string, start: StartRegistryServer): void {
  describe(`outages of ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(async () => {
      server.thaw();
      await server.start();
      await stage.clear();
    });
    afterAll(() => server.close());

    describe('a server that is killed and restarted within the session timeout', () => {
      it('no flap: consumers are told nothing, and no node is made anew', async () => {
        // A group of its own, so that `*` means these.
        const provider = await stage.connect({ parameters: 'group=short' });
        const consumer = await stage.connect({ parameters: 'group=short' });
        const registrations = ['a', 'b', 'c'].map((host) => provider.register(`dubbo://${host}:1/outage.Short`));
        const paths = await Promise.all(registrations.map((each) => each.registered()));
        const view = consumer.consume({ interface: 'outage.Short' });
        const everything = consumer.consume({ interface: '*' });
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1', 'c:1']));
        await eventually(() => expect(everything.addresses).toEqual(['a:1', 'b:1', 'c:1']));
        const before = await identities(paths);
        const session = await provider.connected();

        const killed = performance.now();
        await server.kill();
        await eventually(() => [provider, consumer].every(({ states }) => states.last?.status === 'suspended'));
        expect(registrations.map(({ status }) => status)).toEqual(['suspended', 'suspended', 'suspended']);
        await server.start();

        expect(await provider.connected()).toBe(session);
        await Promise.all(registrations.map((each) => each.registered()));
        await consumer.connected();
        // Whatever anybody had to say about the outage would have been said before this.
        await provider.register('dubbo://d:1/outage.Short').registered();
        await eventually(() => expect(view.addresses).toContain('d:1'));
        await eventually(() => expect(everything.addresses).toContain('d:1'));
        expect(view.told.slice(3)).toEqual(['add d:1']);
        expect(everything.told.slice(3)).toEqual(['add d:1']);
        expect(await identities(paths)).toEqual(before);
        expect(provider.states.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
        expect(performance.now() - killed).toBeLessThan(session.timeoutMs);
      });

      it('no flap, no leak: so it stays over one restart after another', async () => {
        const provider = await stage.connect();
        const consumer = await stage.connect();
        const path = await provider.register('dubbo://a:1/outage.Again').registered();
        const view = consumer.consume({ interface: 'outage.Again' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        const before = await identityOf(server, path);
        for (const host of ['b', 'c', 'd']) {
          await server.restart();
          await provider.register(`dubbo://${host}:1/outage.Again`).registered();
        }
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1', 'c:1', 'd:1']));
        // What came while the consumer was still away is told together, in no order.
        expect([...view.told].sort()).toEqual(['add a:1', 'add b:1', 'add c:1', 'add d:1']);
        expect(await identityOf(server, path)).toBe(before);
      });
    });

    describe('a server that is down for longer than the session timeout', () => {
      const T = 3_000;

      it('no empty push, liveness, no flap: lost on time, and resumed without an event', async () => {
        const provider = await stage.connect({ sessionMs: T });
        const consumer = await stage.connect({ sessionMs: T });
        const registration = provider.register('dubbo://a:1/outage.Long');
        const path = await registration.registered();
        const last = await provider.register('dubbo://z:1/outage.Last').registered();
        const views = ['outage.Long', 'outage.Last'].map((name) => consumer.consume({ interface: name }));
        await eventually(() => expect(views.flatMap((view) => view.addresses)).toEqual(['a:1', 'z:1']));
        const before = await identities([path, last]);
        const session = await provider.connected();

        const killed = performance.now();
        await server.kill();
        for (const { states } of [provider, consumer]) {
          await eventually(() => states.last?.status !== 'suspended' && states.firstAfter(killed, 'lost'));
          expect(states.firstAfter(killed, 'lost')).toBeLessThan(T + SLACK_MS);
          const lost = states.trace.find(({ state }) => state.status === 'lost')?.state;
          expect(lost).toMatchObject({ status: 'lost', confirmed: false });
        }
        expect(registration.status).toBe('pending');
        await eventually(() => performance.now() - killed > T + 500);
        expect(views.map((view) => view.addresses)).toEqual([['a:1'], ['z:1']]);

        await server.start();
        // The server's clock stood still with it: what it kept is tried first, and nothing has happened to it.
        expect(await provider.connected()).toBe(session);
        await registration.registered();
        await consumer.connected();
        await provider.register('dubbo://b:1/outage.Long').registered();
        await eventually(() => expect(views[0]!.addresses).toContain('b:1'));
        expect(views[0]!.told).toEqual(['add a:1', 'add b:1']);
        expect(views[1]!.told).toEqual(['add z:1']);
        expect(views.flatMap((view) => view.sizes)).toEqual([1, 2, 1]);
        expect(await identities([path, last])).toEqual(before);
      });

      it('convergence: everyone is back without help also when the server has lost all it knew', async () => {
        const provider = await stage.connect({ sessionMs: T });
        const consumer = await stage.connect({ sessionMs: T });
        const registration = provider.register('dubbo://a:1/outage.Wiped');
        const path = await registration.registered();
        const view = consumer.consume({ interface: 'outage.Wiped' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        await server.wipe();
        await eventually(async () => expect(await identityOf(server, path)).toBeDefined(), { withinMs: 15_000 });
        await eventually(() => expect(registration.status).toBe('registered'));
        await provider.register('dubbo://b:1/outage.Wiped').registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));
      });
    });

    describe('a server that has lost all it knew, after our own clock gave the session up', () => {
      it('convergence: everyone begins anew within 2 s of its return', async () => {
        const T = 6_000;
        const provider = await stage.connect({ sessionMs: T });
        const consumer = await stage.connect({ sessionMs: T });
        const registration = provider.register('dubbo://a:1/outage.WipedLater');
        const path = await registration.registered();
        const view = consumer.consume({ interface: 'outage.WipedLater' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        await server.kill();
        for (const { states } of [provider, consumer]) {
          await eventually(() => states.statuses.includes('lost'));
        }
        await server.wipe();
        const since = performance.now();
        await eventually(async () => expect(await identityOf(server, path)).toBeDefined());
        // The longest wait for an attempt is 1500 ms, and 100 ms are waited for the next one. It takes the place of a wait for
        // another session timeout.
        expect(performance.now() - since).toBeLessThan(2_000 + SLACK_MS);
        await registration.registered();
        await consumer.connected();
        await provider.register('dubbo://b:1/outage.WipedLater').registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));
      });
    });

    describe('a server that is frozen', () => {
      it('liveness, no flap: suspended within 2/3 of the session timeout, and as before after the thaw', async () => {
        const T = 6_000;
        const provider = await stage.connect({ sessionMs: T });
        const consumer = await stage.connect({ sessionMs: T });
        const registration = provider.register('dubbo://a:1/outage.Frozen');
        const path = await registration.registered();
        const view = consumer.consume({ interface: 'outage.Frozen' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        const before = await identityOf(server, path);

        const frozen = performance.now();
        server.freeze();
        for (const { states } of [provider, consumer]) {
          await eventually(() => states.firstAfter(frozen, 'suspended'));
          expect(states.firstAfter(frozen, 'suspended')).toBeLessThan((T * 2) / 3 + SLACK_MS);
        }
        server.thaw();
        await provider.connected();
        await registration.registered();
        await consumer.connected();
        await provider.register('dubbo://b:1/outage.Frozen').registered();
        await eventually(() => expect(view.addresses).toContain('b:1'));
        expect(view.told).toEqual(['add a:1', 'add b:1']);
        expect(await identityOf(server, path)).toBe(before);
        expect(provider.states.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
      });

      it.each<[string, (actor: Actor) => void, (actor: Actor) => void]>([
        ['a frozen server', () => server.freeze(), () => server.thaw()],
        ['a black hole', ({ proxy }) => proxy.blackHole(), ({ proxy }) => proxy.heal()],
      ])('liveness: lost on time without its help, and back after it: %s', async (_, fail, heal) => {
        const T = 3_000;
        const actor = await stage.connect({ sessionMs: T });
        const registration = actor.register('dubbo://a:1/outage.Silent');
        const path = await registration.registered();
        const view = actor.consume({ interface: 'outage.Silent' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));

        const failed = performance.now();
        fail(actor);
        await eventually(() => actor.states.firstAfter(failed, 'lost'));
        expect(actor.states.firstAfter(failed, 'suspended')).toBeLessThan((T * 2) / 3 + SLACK_MS);
        expect(actor.states.firstAfter(failed, 'lost')).toBeLessThan(T + SLACK_MS);
        expect(registration.status).toBe('pending');
        expect(view.told).toEqual(['add a:1']);

        heal(actor);
        await actor.connected();
        await registration.registered();
        await eventually(async () => expect(await identityOf(server, path)).toBeDefined());
        await actor.register('dubbo://b:1/outage.Silent').registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));
      });
    });

    describe('while the server is away', () => {
      it('no empty push: who comes late to a known service gets what is known, and to an unknown one nothing', async () => {
        const actor = await stage.connect();
        await actor.register('dubbo://a:1/outage.Late').registered();
        const early = actor.consume({ interface: 'outage.Late' });
        await eventually(() => expect(early.addresses).toEqual(['a:1']));
        await server.kill();
        await eventually(() => actor.states.last?.status === 'suspended');
        const late = actor.consume({ interface: 'outage.Late' });
        const unknown = actor.consume({ interface: 'outage.Unknown' });
        expect(late.told).toEqual(['add a:1']);
        await expect(actor.registry.lookup({ interface: 'outage.Unknown' }, { timeoutMs: 200 })).rejects.toMatchObject({
          code: 'TIMEOUT',
        });
        expect(unknown.sizes).toEqual([]);
        await server.start();
        await eventually(() => expect(unknown.sizes).toEqual([0]));
        expect(late.told).toEqual(['add a:1']);
        expect(early.told).toEqual(['add a:1']);
      });

      it('convergence: what is asked for before the server is there is done when it comes', async () => {
        await server.kill();
        const actor = await stage.enter();
        const registration = actor.register('dubbo://a:1/outage.Early');
        const view = actor.consume({ interface: 'outage.Early' });
        await eventually(() => {
          const { last } = actor.states;
          return last?.status === 'connecting' && last.cause !== undefined;
        });
        await eventually(() => expect(actor.states.trace.length).toBeGreaterThan(2));
        expect(registration.statuses.filter((status) => status !== 'pending')).toEqual([]);
        await server.start();
        await registration.registered();
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
      });

      it.each<[string, (actor: Actor) => void]>([
        ['frozen', () => server.freeze()],
        ['refusing', ({ proxy }) => proxy.cut()],
        ['in a black hole', ({ proxy }) => proxy.blackHole()],
      ])('clean shutdown: closing keeps its deadline with a server that is %s', async (_, fail) => {
        const actor = await stage.connect();
        const registration = actor.register('dubbo://a:1/outage.Closed');
        await registration.registered();
        const view = actor.consume({ interface: 'outage.Closed' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        fail(actor);
        const closing = performance.now();
        await actor.registry.close({ deadlineMs: 500 });
        expect(performance.now() - closing).toBeLessThan(500 + SLACK_MS);
        expect(actor.states.last?.status).toBe('closed');
        expect([view.completed, registration.completed]).toEqual([true, true]);
        await actor.registry.close();
        // Nothing of it goes on.
        const { accepted } = actor.proxy;
        actor.proxy.heal();
        server.thaw();
        await throughout(500, () => expect(actor.proxy.accepted).toBe(accepted));
        expect(actor.proxy.connections).toBe(0);
        expect(view.told).toEqual(['add a:1']);
      });
    });

    describe('a true removal of the last instance', () => {
      it('no empty push: is told', async () => {
        const provider = await stage.connect();
        const consumer = await stage.connect();
        const registration = provider.register('dubbo://a:1/outage.Leaving');
        await registration.registered();
        const view = consumer.consume({ interface: 'outage.Leaving' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));
        registration.unsubscribe();
        await eventually(() => expect(view.told).toEqual(['add a:1', 'delete a:1']));
        expect(view.sizes).toEqual([1, 0]);
      });

      it('no missed removal, no empty push: is told after the outage in which it happened, and not before', async () => {
        const provider = await stage.connect();
        const consumer = await stage.connect();
        const registration = provider.register('dubbo://a:1/outage.Unseen');
        const path = await registration.registered();
        const view = consumer.consume({ interface: 'outage.Unseen' });
        await eventually(() => expect(view.addresses).toEqual(['a:1']));

        consumer.proxy.cut();
        await eventually(() => consumer.states.last?.status === 'suspended');
        registration.unsubscribe();
        await eventually(async () => expect(await identityOf(server, path)).toBeUndefined());
        expect(view.told).toEqual(['add a:1']);
        consumer.proxy.heal();
        await eventually(() => expect(view.told).toEqual(['add a:1', 'delete a:1']));
        expect(view.sizes).toEqual([1, 0]);
      });
    });

    function identities(paths: readonly string[]): Promise<(string | undefined)[]> {
      return Promise.all(paths.map((path) => identityOf(server, path)));
    }
  });
}
