import { map, merge } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whileConnected } from '../../../lib/connection/index.js';
import { AN_ERROR, ask, Recorder, refusalOf, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { belongsTo } from '../../support/scenario/judge.js';
import type { BackendOptions, RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { eventually } from '../../support/servers/eventually.js';

/** What backends notice by themselves, when, and what becomes of what was asked. */
export function describeLiveness(kind: string, start: StartRegistryServer): void {
  describe(`liveness on ${kind}`, () => {
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

    describe('half-open connections', () => {
      it('are noticed within five twelfths of the session timeout, and a short hole costs nothing', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 6_000 });
        const node = await ask(session.create('/idle-1', { ephemeral: true }));
        const start = performance.now();
        proxy.blackHole();
        expect(await probe.reaches('suspended')).toMatchObject({ session, cause: { code: 'TIMEOUT' } });
        expect(performance.now() - start).toBeLessThan((6_000 * 5) / 12 + SLACK_MS);
        proxy.heal();
        await eventually(() => probe.state?.status === 'connected');
        expect(await probe.session()).toBe(session);
        expect(await ask(session.read('/idle-1'))).toEqual(node);
        expect(probe.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
      });

      it('are noticed when only the answers are lost, and left for a connection that works', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 6_000 });
        proxy.blackHole('toClient');
        // What is in the hole stays there; what comes after it passes.
        proxy.heal({ inHole: 'keep' });
        await probe.reaches('suspended');
        await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
        expect(await probe.session()).toBe(session);
        expect(proxy.accepted).toBe(2);
      });

      it('are noticed when the server forgot the session and left the connection open', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 2_000 });
        proxy.blackHole();
        await server.expire(session);
        proxy.heal({ inHole: 'keep' });
        const next = await probe.session(session);
        expect(await ask(next.read('/'))).toBeDefined();
        expect(await probe.reaches('lost')).toBeDefined();
      });

      it('are noticed in every race between an expiry and its victim', async () => {
        const probe = troupe.follow(server.address, { sessionTimeoutMs: 2_000 });
        let session = await probe.session();
        for (let round = 0; round < 10; round += 1) {
          await server.expire(session);
          session = await probe.session(session);
          await ask(session.create('/race', { ephemeral: true }));
        }
        expect(await belongsTo(server, '/race', session)).toBe(true);
      });
    });

    describe('a server that accepts and never answers the handshake', () => {
      it('is left for the next attempt, also while there has been no session', async () => {
        const proxy = await troupe.proxy(server.port);
        proxy.blackHole();
        const probe = troupe.follow(proxy.address, { sessionTimeoutMs: 2_000 });
        await eventually(() => expect(probe.trace[2]).toMatchObject({ attempt: 3, cause: { code: 'TIMEOUT' } }));
        expect(proxy.accepted).toBeGreaterThanOrEqual(2);
        proxy.heal({ inHole: 'keep' });
        await probe.session();
      });

      it('is left for the next attempt of a session that is to be resumed', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 8_000 });
        proxy.blackHole();
        proxy.dropConnections();
        await eventually(() => proxy.accepted >= 2);
        await probe.reaches('suspended');
        proxy.heal({ inHole: 'keep' });
        await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
        expect(await probe.session()).toBe(session);
        expect(probe.statuses).not.toContain('lost');
      });
    });

    describe('more watches than fit one packet', () => {
      it('survive a cut with one reconnection, and all see what happened meanwhile', async () => {
        const { proxy, probe, session } = await troupe.join(server.port);
        const paths = Array.from({ length: 4_500 }, (_, index) => `/watched/${String(index).padStart(250, 'x')}`);
        expect(paths.join('').length).toBeGreaterThan(1_048_575);
        await server.create('/watched');
        const present = new Map<string, boolean>();
        const follow = probe.backend.states.pipe(
          whileConnected((current) =>
            merge(
              ...paths.map((path) => current.watchNode(path).pipe(map((node) => [path, node !== undefined] as const))),
            ),
          ),
        );
        using seen = new Recorder(follow.pipe(map(([path, there]) => present.set(path, there))));
        await eventually(() => present.size === paths.length, { withinMs: SOON_MS });

        proxy.cut();
        await probe.reaches('suspended');
        await server.create(paths[7]!);
        present.clear();
        proxy.heal();
        await eventually(() => present.size === paths.length, { withinMs: SOON_MS });
        expect([...present].filter(([, there]) => there).map(([path]) => path)).toEqual([paths[7]]);
        await server.create(paths[8]!);
        await eventually(() => present.get(paths[8]!) === true);
        expect(seen.error).toBeUndefined();
        expect(await probe.session()).toBe(session);
        expect(proxy.accepted).toBeLessThanOrEqual(3);
      });
    });

    describe('expiry', () => {
      it('is survived as often as it comes, with a new session each time', async () => {
        const { probe, session } = await troupe.join(server.port);
        const ids = [session.id];
        let current = session;
        for (let round = 0; round < 3; round += 1) {
          await ask(current.create('/expiring', { ephemeral: true }));
          await server.expire(current);
          current = await probe.session(current);
          ids.push(current.id);
        }
        expect(new Set(ids).size).toBe(4);
        expect(probe.statuses.filter((status) => status === 'lost')).toHaveLength(3);
        expect(await server.node('/expiring')).toBeUndefined();
      });
    });

    describe('a client that is cut off', () => {
      it('gives its session up by its own clock, before it can ask anybody', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 2_000 });
        await ask(session.create('/cut-off', { ephemeral: true }));
        proxy.cut();
        const start = performance.now();
        const { accepted } = proxy;
        expect(await probe.reaches('lost')).toMatchObject({ confirmed: false });
        expect(performance.now() - start).toBeLessThan(2_000 + SLACK_MS);
        expect(proxy.accepted).toBe(accepted);
        await eventually(async () => (await server.node('/cut-off')) === undefined);
        proxy.heal();
        expect(await probe.session(session)).not.toBe(session);
      });
    });

    describe('calls that nobody will answer', () => {
      it('fail when the connection is given up, the unwritten ones too', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 2_000 });
        proxy.blackHole();
        const answers = Array.from({ length: 1_000 }, () => refusalOf(session.read('/')));
        await probe.reaches('suspended');
        expect(new Set(await Promise.all(answers))).toEqual(new Set(['CONNECTION_LOST']));
      });

      it('fail when the session is over by then', async () => {
        const { proxy, probe, session } = await troupe.join(server.port, { sessionTimeoutMs: 2_000 });
        proxy.blackHole();
        const answers = Array.from({ length: 1_000 }, () => refusalOf(session.read('/')));
        await server.expire(session);
        proxy.heal();
        await probe.session(session);
        expect(new Set(await Promise.all(answers))).toEqual(new Set(['CONNECTION_LOST']));
        expect(await refusalOf(session.read('/'))).toBe('CONNECTION_LOST');
      });

      it('are not kept for later while there is no connection', async () => {
        const { proxy, probe, session } = await troupe.join(server.port);
        proxy.cut();
        await probe.reaches('suspended');
        expect(await refusalOf(session.create('/later'))).toBe('CONNECTION_LOST');
        proxy.heal();
        await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
        expect(await ask(session.read('/later'))).toBeUndefined();
      });
    });

    describe('close() with a frozen server', () => {
      it('resolves by its deadline and leaves no connection', async () => {
        const { proxy, probe } = await troupe.join(server.port);
        server.freeze();
        const start = performance.now();
        await probe.backend.close(500);
        expect(performance.now() - start).toBeLessThan(500 + SLACK_MS);
        expect(probe.state).toEqual({ status: 'closed' });
        await eventually(() => proxy.connections === 0);
      });
    });

    describe('a server that is not there', () => {
      it('is told attempt by attempt, with the cause, until there is one', async () => {
        const proxy = await troupe.proxy(server.port);
        proxy.cut();
        const probe = troupe.follow(proxy.address);
        await eventually(() => probe.trace.length >= 5, { withinMs: SOON_MS });
        probe.trace.forEach((state, index) =>
          expect(state).toMatchObject({ status: 'connecting', attempt: index + 1 }),
        );
        expect(probe.trace[1]).toMatchObject({ cause: { code: 'CONNECTION_LOST' } });
        expect(String((await probe.reaches('connecting', 1)).cause)).toContain('ECONNREFUSED');
        proxy.heal();
        await probe.session();
      });

      it('is told of a name that cannot be resolved, too', async () => {
        const probe = troupe.follow('no-such-host.invalid:2181', { sessionTimeoutMs: 4_000 });
        await eventually(() => expect(probe.trace[2]).toMatchObject({ attempt: 3, cause: AN_ERROR }), {
          withinMs: SOON_MS,
        });
      });

      it('costs nothing where another one is named beside it', async () => {
        const dead = await troupe.proxy(server.port);
        dead.cut();
        const servers = `${dead.address},no-such-host.invalid:2181,${server.address}`;
        const probes = Array.from({ length: 6 }, () => troupe.follow(servers));
        const sessions = await Promise.all(probes.map((probe) => probe.session()));
        expect(new Set(sessions.map((session) => session.id)).size).toBe(6);
      });

      it('is left for another one, and the session goes along', async () => {
        const [one, other] = [await troupe.proxy(server.port), await troupe.proxy(server.port)];
        const probe = troupe.follow(`${one.address},${other.address}`);
        const session = await probe.session();
        for (const [down, up] of [
          [one, other],
          [other, one],
        ] as const) {
          down.cut();
          await eventually(() => up.connections === 1, { withinMs: SOON_MS });
          await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
          expect(await probe.session()).toBe(session);
          down.heal();
        }
      });
    });

    describe('an outage of the whole server', () => {
      it('that outlives the session timeout is lost by our clock, and then the same session goes on', async () => {
        await using other = await start();
        const probe = troupe.follow(other.address, { sessionTimeoutMs: 2_000 });
        const session = await probe.session();
        const node = await ask(session.create('/outlived', { ephemeral: true }));
        await other.kill();
        expect(await probe.reaches('lost')).toMatchObject({ confirmed: false });
        await other.start();
        await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
        expect(await probe.session()).toBe(session);
        expect(await ask(session.read('/outlived'))).toEqual(node);
        await probe.backend.close();
        expect(await other.node('/outlived')).toBeUndefined();
      });
    });
  });
}
