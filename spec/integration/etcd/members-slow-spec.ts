import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import type { DirectoryChange, Session } from '../../../lib/port/index.js';
import { ask, foldDirectory, type Probe, type Recorder, refusalOf } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import type { FaultProxy } from '../../support/proxy/faultProxy.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { type EtcdCluster, startEtcdCluster } from '../../support/servers/etcdCluster.js';
import type { EtcdServer } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { followDirectory } from './support/follow.js';
import { inSlices, numbers } from './support/inSlices.js';

let cluster: EtcdCluster;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  cluster = await startEtcdCluster();
});
afterEach(async () => {
  for (const server of cluster.servers) server.thaw();
  await Promise.all(cluster.servers.map((server) => server.start()));
  await troupe.clear();
});
afterAll(() => cluster.close());

/** A client of all servers, which begins with a certain one. */
async function joinAt(first: EtcdServer, options: EtcdOptions): Promise<{ probe: Probe; session: Session }> {
  const proxies = new Map<EtcdServer, FaultProxy>();
  for (const server of cluster.servers) proxies.set(server, await troupe.proxy(server.port));
  for (const [server, proxy] of proxies) if (server !== first) proxy.cut();
  const probe = troupe.follow([...proxies.values()].map(({ address }) => address).join(), options);
  const session = await probe.session();
  for (const [server, proxy] of proxies) if (server !== first) proxy.heal();
  return { probe, session };
}

/** Writes through one server after another, all the time; what was acknowledged must be found. */
class Writer {
  readonly added: string[] = [];
  readonly removed: string[] = [];
  readonly #directory: string;
  readonly #old: string[];
  readonly #servers: readonly EtcdServer[];
  readonly #writing: Promise<void>;
  #over = false;

  constructor(directory: string, old: readonly string[], servers: readonly EtcdServer[]) {
    this.#directory = directory;
    this.#servers = servers;
    this.#old = [...old];
    this.#writing = this.#write();
  }

  /** Waits until so much more was acknowledged. */
  async goesOn(writes = 20): Promise<void> {
    const target = this.added.length + writes;
    await eventually(() => this.added.length >= target, { withinMs: 20_000 });
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#writing;
  }

  async #write(): Promise<void> {
    for (let number = 0; !this.#over; number += 1) {
      const { raw } = this.#servers[number % this.#servers.length]!;
      const [name, old] = [`new-${number}`, this.#old.pop()];
      const put = { key: encode(`${this.#directory}/${name}`) };
      const remove = old === undefined ? undefined : { key: encode(`${this.#directory}/${old}`) };
      // Neither has to be carried out where no answer comes, and may be all the same.
      await raw.call('kv/put', put, 1_000).then(
        () => this.added.push(name),
        () => undefined,
      );
      if (!remove) continue;
      await raw.call('kv/deleterange', remove, 1_000).then(
        () => this.removed.push(old!),
        () => undefined,
      );
    }
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function namesIn(directory: string): Promise<string[]> {
  const { raw } = await cluster.leader();
  return (await raw.range(`${directory}/`)).map(({ key }) => key.slice(directory.length + 1));
}

describe('no missed removal, no flap', () => {
  let round = 0;

  it.each<[string, () => Promise<EtcdServer>, (server: EtcdServer) => unknown]>([
    ['the leader is killed', () => cluster.leader(), (server) => server.kill()],
    ['a follower is killed', async () => (await cluster.followers())[0]!, (server) => server.kill()],
    ['the leader is frozen', () => cluster.leader(), (server) => server.freeze()],
  ])('for those who are with it and those who are not: %s while others write', async (_, choose, fail) => {
    const directory = `/cluster-${(round += 1)}`;
    const old = numbers(100).map((index) => `old-${index}`);
    const lost = await choose();
    const kept = cluster.servers.find((server) => server !== lost)!;
    await inSlices(old, 20, (name) => kept.raw.put(`${directory}/${name}`));
    const options = { sessionTimeoutMs: 6_000 };
    const clients = [await joinAt(lost, options), await joinAt(kept, options)];
    const nodes = await Promise.all(
      clients.map(({ session }, index) => ask(session.create(`${directory}/held-${index}`, { ephemeral: true }))),
    );
    const views = clients.map(({ probe }) => followDirectory(probe, directory));
    await eventually(() => views.every(({ values }) => values.length > 0));
    const writer = new Writer(
      directory,
      old,
      cluster.servers.filter((server) => server !== lost),
    );
    await writer.goesOn();

    await fail(lost);
    const since = performance.now();
    await eventually(() => clients[0]!.probe.statuses.includes('suspended'));
    await writer.goesOn();
    expect(performance.now() - since).toBeLessThan(6_000 + SLACK_MS);
    for (const { probe } of clients) await eventually(() => probe.state?.status === 'connected');
    await writer.goesOn();
    lost.thaw();
    await lost.start();
    await writer.goesOn();
    await writer.stop();

    const names = await namesIn(directory);
    expect(names).toEqual(expect.arrayContaining(writer.added));
    expect(writer.removed.filter((name) => names.includes(name))).toEqual([]);
    for (const view of views) {
      await eventually(() => expect(foldDirectory(view.values).names).toEqual(names));
      expect([...foldDirectory(view.values).gone]).toEqual(expect.arrayContaining(writer.removed));
      expect(view.error).toBeUndefined();
      view.stop();
    }
    for (const [index, { probe, session }] of clients.entries()) {
      expect(await probe.session()).toBe(session);
      expect(probe.statuses).not.toContain('lost');
      expect(await ask(session.read(nodes[index]!.path))).toEqual(nodes[index]);
    }
  });
});

describe('a majority that is lost', () => {
  it.each<[string, () => Promise<EtcdServer>]>([
    ['a follower', async () => (await cluster.followers())[0]!],
    ['the leader', () => cluster.leader()],
  ])(
    'liveness: is noticed by whoever is with %s that is left, long before a long session would ask',
    async (_, choose) => {
      const left = await choose();
      const others = cluster.servers.filter((server) => server !== left);
      const { proxy, probe, session } = await troupe.join(left.port, { sessionTimeoutMs: 60_000 });
      const node = await ask(session.create('/majority', { ephemeral: true }));
      const view: Recorder<DirectoryChange> = followDirectory(probe, '/majority-watched');
      await eventually(() => view.values.length > 0);
      const { length } = view.values;

      const since = performance.now();
      await Promise.all(others.map((server) => server.kill()));
      // Its connection is as good as ever: `hasleader` has it end the streams after three elections that came to nothing.
      const { cause } = await probe.reaches('suspended');
      expect(performance.now() - since).toBeLessThan(4 * 500 + 1_000 + SLACK_MS);
      expect(cause).toMatchObject({ code: 'CONNECTION_LOST' });
      expect(proxy.accepted).toBeLessThanOrEqual(2);
      expect(await refusalOf(session.create('/majority/never', { ephemeral: true }))).toBe('CONNECTION_LOST');
      expect(view.values).toHaveLength(length);

      await Promise.all(others.map((server) => server.start()));
      await eventually(() => probe.state?.status === 'connected', { withinMs: 20_000 });
      expect(await probe.session()).toBe(session);
      expect(await ask(session.read('/majority'))).toEqual(node);
      await left.raw.put('/majority-watched/a');
      await eventually(() => expect(foldDirectory(view.values).names).toContain('a'));
      await left.raw.deleteRange('/majority-watched/');
      view.stop();
    },
  );
});
