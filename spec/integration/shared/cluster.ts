import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../lib/index.js';
import { identityOf } from '../../support/scenario/judge.js';
import type { RegistryCluster } from '../../support/scenario/registryCluster.js';
import type { RegistryServer } from '../../support/scenario/registryServer.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What holds with three servers, of which some are lost. */
export function describeCluster(kind: string, start: () => Promise<RegistryCluster>): void {
  describe(`three servers of ${kind}`, () => {
    let cluster: RegistryCluster;
    let stage: Stage;
    beforeAll(async () => {
      cluster = await start();
      stage = new Stage(cluster.servers[0]!);
    });
    afterEach(async () => {
      for (const server of cluster.servers) server.thaw();
      await Promise.all(cluster.servers.map((server) => server.start()));
      await stage.clear();
    });
    afterAll(() => cluster.close());

    /** A provider, a consumer, and one more client, so that somebody is with whichever server is lost. */
    function cast(sessionMs: number): Promise<Actor[]> {
      const { addresses } = cluster;
      return Promise.all(Array.from({ length: 3 }, () => stage.connect({ servers: addresses, sessionMs })));
    }

    async function areIn(sessions: readonly Session[], actors: readonly Actor[]): Promise<void> {
      for (const [index, actor] of actors.entries()) expect(await actor.connected(30_000)).toBe(sessions[index]);
    }

    it.each<[string, () => Promise<RegistryServer>, (server: RegistryServer) => unknown]>([
      ['the leader is killed', () => cluster.leader(), (server) => server.kill()],
      ['a follower is killed', async () => (await cluster.followers())[0]!, (server) => server.kill()],
      ['the leader is frozen', () => cluster.leader(), (server) => server.freeze()],
      ['a follower is frozen', async () => (await cluster.followers())[0]!, (server) => server.freeze()],
    ])('no flap: consumers are told nothing when %s', async (what, choose, fail) => {
      const service = `cluster.Loses${what.replaceAll(' ', '')}`;
      const actors = await cast(10_000);
      const [provider, consumer] = actors as [Actor, Actor];
      const sessions = await Promise.all(actors.map((actor) => actor.connected()));
      const registrations = actors.map((actor, index) => actor.register(`dubbo://h${index}:1/${service}`));
      const paths = await Promise.all(registrations.map((each) => each.registered()));
      const view = consumer.consume({ interface: service });
      await eventually(() => expect(view.addresses).toHaveLength(3));
      const before = await identities(paths);

      const lost = await choose();
      await fail(lost);
      // Each finds out for itself; the session of nobody ends.
      const last = provider.register(`dubbo://last:1/${service}`);
      await last.registered(30_000);
      await eventually(() => expect(view.told.slice(3)).toEqual(['add last:1']), { withinMs: 30_000 });
      await areIn(sessions, actors);
      expect(await identities(paths)).toEqual(before);
      for (const { states } of actors) expect(states.statuses).not.toContain('lost');
    });

    it('liveness, no empty push, no flap: lost on time without a majority, and as before when there is one', async () => {
      const T = 6_000;
      const service = 'cluster.LosesMajority';
      const actors = await cast(T);
      const [provider, consumer] = actors as [Actor, Actor];
      const sessions = await Promise.all(actors.map((actor) => actor.connected()));
      const path = await provider.register(`dubbo://a:1/${service}`).registered();
      const view = consumer.consume({ interface: service });
      await eventually(() => expect(view.addresses).toEqual(['a:1']));
      const before = await identities([path]);

      const since = performance.now();
      const [one, other] = cluster.servers;
      await Promise.all([one!.kill(), other!.kill()]);
      for (const { states } of actors) {
        await eventually(() => states.firstAfter(since, 'lost'));
        expect(states.firstAfter(since, 'suspended')).toBeLessThan((T * 2) / 3 + SLACK_MS);
        expect(states.firstAfter(since, 'lost')).toBeLessThan(T + SLACK_MS);
      }
      expect(view.told).toEqual(['add a:1']);

      await Promise.all([one!.start(), other!.start()]);
      // The clock of the servers stood still, too: the leader that they elect begins to count when it is elected. So the sessions
      // go on, but for one whose client does not get through to a server within a session timeout from then: on a busy machine
      // it may not, as servers that have not joined the leader yet accept connections and close them. The server says so then.
      const isSame = await Promise.all(
        actors.map(async (actor, at) => (await actor.connected(30_000)) === sessions[at]),
      );
      const wereEnded = actors.filter((_, index) => !isSame[index]);
      for (const { states } of wereEnded) {
        const causes = states.trace.map(({ state }) => ('cause' in state ? state.cause : undefined));
        expect(causes).toContainEqual(expect.objectContaining({ code: 'SESSION_EXPIRED' }));
      }
      await provider.register(`dubbo://b:1/${service}`).registered(30_000);
      await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']), { withinMs: 30_000 });
      if (wereEnded.includes(provider)) return;
      expect(view.told).toEqual(['add a:1', 'add b:1']);
      expect(await identities([path])).toEqual(before);
    });

    async function identities(paths: readonly string[]): Promise<(string | undefined)[]> {
      const leader = await cluster.leader();
      return Promise.all(paths.map((path) => identityOf(leader, path)));
    }
  });
}
