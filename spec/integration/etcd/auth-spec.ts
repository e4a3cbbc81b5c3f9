import { inspect } from 'node:util';
import { firstValueFrom, forkJoin, materialize, type Observable, take } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { createRegistry, RegistryError } from '../../../lib/index.js';
import { ask, bytes, foldDirectory, SOON_MS, text } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { EtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { identityOf, throughout } from '../../support/scenario/judge.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { Stage } from '../../support/scenario/stage.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import type { EtcdUsers } from '../../support/servers/etcdUsers.js';
import { eventually } from '../../support/servers/eventually.js';
import { RawEtcd } from '../../support/servers/rawEtcd.js';
import { DebugLines } from '../../support/debugLines.js';
import { follow, followDirectory } from './support/follow.js';
import { startGrpcRelay, type Verdict } from './support/grpcRelay.js';
import { numbers } from './support/inSlices.js';

const PASSWORD = 's3:cr@t/?&#';
const ENCODED = encodeURIComponent(PASSWORD);

let server: EtcdServer;
let users: EtcdUsers;
let raw: RawEtcd;
let stage: Stage;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = await startEtcd({ rootPassword: 'r00t' });
  ({ users, raw } = server);
  stage = new Stage(new EtcdRegistry(server));
  await users.add('app', PASSWORD, { '/dubbo': 'READWRITE' });
});
afterEach(async () => {
  await stage.clear();
  await troupe.clear();
});
afterAll(() => server.close());

/** A user who exists in one spec only. */
let count = 0;
async function someone(grants: Parameters<EtcdUsers['add']>[2]): Promise<{ username: string; password: string }> {
  const username = `user${(count += 1)}`;
  await users.add(username, 'pw', grants);
  return { username, password: 'pw' };
}

/** Whether the server asks whoever renews a lease who they are. */
async function checksRenewals(): Promise<boolean> {
  const stranger = new RawEtcd({ port: server.port });
  return stranger.keep('1').then(
    () => false,
    () => true,
  );
}

describe('user and password', () => {
  it('in the address, and in options, which win over it', async () => {
    const actor = await stage.connect({ user: `app:${ENCODED}@` });
    const view = actor.consume({ interface: 'auth.Address' });
    await actor.register('dubbo://a:1/auth.Address').registered();
    await eventually(() => expect(view.addresses).toEqual(['a:1']));

    for (const address of [server.address, `other:wrong@${server.address}`]) {
      const session = await troupe.follow(address, { username: 'app', password: PASSWORD }).session();
      expect(await ask(session.list('/dubbo'))).toContain('auth.Address');
    }
  });

  it('on a server that knows no users are of no account', async () => {
    await using open = await startEtcd();
    const session = await troupe.follow(open.address, { username: 'app', password: PASSWORD }).session();
    await ask(session.create('/open/a', { ephemeral: true }));
    expect(await ask(session.list('/open'))).toEqual(['a']);
  });

  it.each([
    ['a wrong password', 'app', 'wr0ng', 'authentication failed, invalid user ID or password'],
    ['an unknown user', 'nobody', 'wr0ng', 'authentication failed, invalid user ID or password'],
    ['no password', 'app', undefined, 'authentication failed, invalid user ID or password'],
    ['nobody', undefined, undefined, 'user name is empty'],
  ])('that are not right fail at once and for good, with a clear text: %s', async (_, username, password, words) => {
    using log = new DebugLines();
    const proxy = await troupe.proxy(server.port);
    const credentials = { ...(username && { username }), ...(password && { password }) };
    const since = performance.now();
    const registry = createRegistry(etcd(proxy.address, credentials));
    const streams: Observable<unknown>[] = [
      registry.states,
      registry.register('dubbo://a:1/auth.Refused'),
      registry.subscribe({ interface: 'auth.Refused' }),
    ];
    const errors = await Promise.all(
      streams.map((stream) => new Promise<unknown>((resolve) => void stream.subscribe({ error: resolve }))),
    );
    expect(performance.now() - since).toBeLessThan(SLACK_MS);
    for (const error of errors) {
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false });
      expect((error as Error).message).toContain(words);
      expect(inspect(error, { depth: 10 })).not.toContain('wr0ng');
    }
    // One that asks who we are, and one for the login.
    await throughout(500, () => expect(proxy.accepted).toBe(username ? 2 : 1));
    expect(log.lines).not.toEqual([]);
    expect(log.text).not.toContain('wr0ng');
    await registry.close();
  });

  it('are nowhere in what is logged or told, whatever happens', async () => {
    using log = new DebugLines();
    const actor = await stage.connect({ user: `app:${ENCODED}@`, sessionMs: 2_000 });
    actor.consume({ interface: 'auth.Logged' });
    await actor.register('dubbo://a:1/auth.Logged').registered();
    actor.proxy.cut();
    await eventually(() => actor.states.last?.status === 'connecting');
    actor.proxy.heal();
    await actor.connected();
    await actor.register('dubbo://b:1/auth.Logged').registered();
    await actor.registry.close();
    const told = actor.states.trace.map(({ state }) => inspect(state, { depth: 3 }));
    expect(log.lines.length).toBeGreaterThan(10);
    for (const secret of [PASSWORD, ENCODED]) expect(`${log.text}\n${told.join('\n')}`).not.toContain(secret);
  });
});

describe('what becomes of a login', () => {
  it('no missed removal, no flap: a restart of the server makes it void, and everything is as before', async () => {
    const user = `app:${ENCODED}@`;
    const provider = await stage.connect({ user });
    const consumer = await stage.connect({ user });
    const registration = provider.register('dubbo://a:1/auth.Restart');
    const path = await registration.registered();
    const stranger = '/dubbo/auth.Restart/providers/dubbo%3A%2F%2Fb%3A1%2Fauth.Restart';
    await raw.put(stranger);
    const view = consumer.consume({ interface: 'auth.Restart' });
    await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));
    const session = await provider.connected();
    const before = await identityOf(stage.server, path);

    for (const { proxy } of [provider, consumer]) proxy.cut();
    // What was written after the login is replayed with it; only a write after the restart makes it void.
    await raw.put('/written');
    await server.restart();
    await raw.put('/written');
    await raw.delete(stranger);
    await raw.put(stranger.replace('b%3A1', 'c%3A1'));
    for (const { proxy } of [provider, consumer]) proxy.heal();

    await eventually(() => expect(view.addresses).toEqual(['a:1', 'c:1']), { withinMs: SOON_MS });
    expect(view.told.filter((told) => told.endsWith('a:1'))).toEqual(['add a:1']);
    expect(await provider.connected()).toBe(session);
    await registration.registered();
    expect(await identityOf(stage.server, path)).toBe(before);
    await provider.register('dubbo://d:1/auth.Restart').registered();
    await eventually(() => expect(view.addresses).toEqual(['a:1', 'c:1', 'd:1']));
  });

  it('no flap: it may run out while nothing is asked', async () => {
    await using forgetful = await startEtcd({ rootPassword: 'r00t', flags: { 'auth-token-ttl': 1 } });
    const relay = await startGrpcRelay(forgetful);
    // Keeping the leases prolongs it on newer servers: that is done every sixth of this.
    const T = 24_000;
    const probe = troupe.follow(relay.address, { username: 'root', password: 'r00t', sessionTimeoutMs: T });
    const session = await probe.session();
    const connectedAt = performance.now();
    using seen = followDirectory(probe, '/forgotten');
    using node = follow(probe, (each) => each.watchNode('/forgotten/a'));
    await eventually(() => seen.values.length > 0 && node.values.length > 0);
    const { token } = relay.calls.find(({ method, metadata }) => method === 'Range' && metadata['token'])!.metadata;
    const isKnown = () =>
      fetch(`http://${forgetful.address}/v3/kv/range`, {
        method: 'POST',
        headers: { authorization: String(token) },
        body: '{"key":"AA=="}',
      }).then(({ ok }) => ok);
    expect(await isKnown()).toBe(true);
    // Asking would prolong it.
    const since = performance.now();
    await eventually(() => performance.now() - since > 2_500);
    expect(await isKnown()).toBe(false);

    await ask(session.create('/forgotten/a', { ephemeral: true, data: bytes('x') }));
    await eventually(() => expect(text(node.last?.data)).toBe('x'));
    await eventually(() => expect(seen.last).toEqual({ type: 'delta', added: ['a'], removed: [] }));
    // The stream that keeps the leases has the token that ran out.
    await eventually(() => performance.now() - connectedAt > T / 6 + 500);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    // Two, and one for the stream if the second token ran out too before it was used.
    expect(relay.calls.filter(({ method }) => method === 'Authenticate').length).toBeLessThanOrEqual(3);
    await relay[Symbol.asyncDispose]();
  });

  it('convergence: a password that is changed on the server is waited for, with the reason', async () => {
    const credentials = await someone({ '/changed': 'READWRITE' });
    const { proxy, probe, session } = await troupe.join(server.port, { ...credentials, sessionTimeoutMs: 2_000 });
    const node = await ask(session.create('/changed', { ephemeral: true }));
    await users.changePassword(credentials.username, 'another');
    proxy.dropConnections();
    await probe.reaches('lost');
    await eventually(() =>
      expect(probe.state).toMatchObject({
        status: 'connecting',
        cause: { code: 'CONNECTION_LOST', message: expect.stringContaining('authentication failed') as string },
      }),
    );
    await users.changePassword(credentials.username, 'pw');
    const next = await probe.session();
    expect(probe.error).toBeUndefined();
    expect(await ask(next.read(node.path))).toBeUndefined();
    await ask(next.create(node.path, { ephemeral: true }));
  });
});

/** The warning of a directory that may not be read. */
function unreadable(path: string): { code: string; path: string } {
  return { code: 'UNREADABLE_DIRECTORY', path };
}

describe('a role', () => {
  it('that is limited to the registry is enough, and no more is asked for', async () => {
    const { username } = await someone({ '/limited': 'READWRITE' });
    const actor = await stage.connect({ user: `${username}:pw@`, parameters: 'group=limited' });
    const [view, all] = [actor.consume({ interface: 'auth.Limited' }), actor.consume({ interface: '*' })];
    const registration = actor.register('dubbo://a:1/auth.Limited');
    await registration.registered();
    await eventually(() => expect([view.addresses, all.addresses]).toEqual([['a:1'], ['a:1']]));
    registration.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));
    expect(actor.warnings).toEqual([]);
  });

  it('that does not cover the registry fails what is asked for, for good, and not the connection', async () => {
    const { username } = await someone({ '/limited': 'READWRITE' });
    const actor = await stage.connect({ user: `${username}:pw@` });
    const registration = actor.register('dubbo://a:1/auth.Elsewhere');
    const view = actor.consume({ interface: 'auth.Elsewhere' });
    for (const each of [registration, view]) {
      await eventually(() => expect(each.error).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false }));
      expect(String(each.error)).toContain('permission denied');
    }
    expect(actor.states.statuses).toEqual(['connecting', 'connected']);
  });

  it.each<[string, Record<string, 'READ' | 'READWRITE'>]>([
    ['the registry, with a slash at the end', { '/dubbo/': 'READWRITE' }],
    ['one service', { '/dubbo/auth.Parents/': 'READWRITE' }],
    ['the providers of one service', { '/dubbo/auth.Parents/providers/': 'READWRITE' }],
    ['… and may read the rest', { '/dubbo/': 'READ', '/dubbo/auth.Parents/providers/': 'READWRITE' }],
  ])('registers a new service, whoever made the keys above it, if it covers %s', async (_, grants) => {
    await raw.deleteRange('/dubbo');
    const { username } = await someone(grants);
    const actor = await stage.connect({ user: `${username}:pw@`, sessionMs: 5_000 });
    const view = actor.consume({ interface: 'auth.Parents' });
    const registrations = numbers(3).map((index) => actor.register(`dubbo://a:${index + 1}/auth.Parents`));
    for (const each of registrations) await each.registered();
    await eventually(() => expect(view.addresses).toEqual(['a:1', 'a:2', 'a:3']));
    // Java finds services by their keys: that is written where it may be, and what is above it only by who may.
    const mayWriteService = grants['/dubbo/'] === 'READWRITE';
    expect((await raw.get('/dubbo/auth.Parents')) !== undefined).toBe(mayWriteService);
    expect(await raw.get('/dubbo')).toBeUndefined();
    for (const each of registrations) each.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));
    // Where no application may be looked for, that is said.
    const isRefused = grants['/dubbo/'] === undefined;
    expect(actor.warnings).toMatchObject(isRefused ? [unreadable('/dubbo/mapping')] : []);
  });

  it('that may read the registry finds all services, those included whose keys nobody could write', async () => {
    await raw.deleteRange('/dubbo');
    await raw.put('/dubbo/auth.Keyless/providers/dubbo%3A%2F%2Fa%3A1%2Fauth.Keyless');
    const { username } = await someone({ '/dubbo/': 'READ' });
    const actor = await stage.connect({ user: `${username}:pw@`, sessionMs: 5_000 });
    const all = actor.consume({ interface: '*' });
    await eventually(() => expect(all.addresses).toEqual(['a:1']));
    await raw.put('/dubbo/auth.Other/providers/dubbo%3A%2F%2Fb%3A1%2Fauth.Other');
    await eventually(() => expect(all.addresses).toEqual(['a:1', 'b:1']));
    await raw.delete('/dubbo/auth.Keyless/providers/dubbo%3A%2F%2Fa%3A1%2Fauth.Keyless');
    await eventually(() => expect(all.addresses).toEqual(['b:1']));
    expect(actor.warnings).toMatchObject([unreadable('/services')]);
  });

  it('that may only read is enough for a consumer, who writes nothing', async () => {
    await raw.put('/dubbo/auth.Read/providers/dubbo%3A%2F%2Fa%3A1%2Fauth.Read');
    const { username } = await someone({ '/dubbo': 'READ' });
    const actor = await stage.connect({ user: `${username}:pw@` });
    const view = actor.consume({ interface: 'auth.Read' });
    const absent = actor.consume({ interface: 'auth.Absent' });
    await eventually(() => expect([view.addresses, absent.sizes]).toEqual([['a:1'], [0]]));
    const registration = actor.register('dubbo://b:1/auth.Read');
    await eventually(() => expect(registration.error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
    expect(view.told).toEqual(['add a:1']);
  });

  it.each<[string, Parameters<EtcdUsers['add']>[2]]>([
    ['one directory only', { '/alive/auth.Alive/providers/': 'READ' }],
    ['nothing', {}],
  ])('no flap: that covers %s is enough to stay connected, whatever is asked for', async (_, grants) => {
    const T = 2_000;
    const credentials = await someone(grants);
    const probe = troupe.follow(server.address, { ...credentials, sessionTimeoutMs: T });
    await probe.session();
    using seen = followDirectory(probe, '/alive/auth.Alive/providers');
    using node = follow(probe, (session) => session.watchNode('/alive/other'));
    const since = performance.now();
    await eventually(() => performance.now() - since > 2 * T);
    if (grants && Object.keys(grants).length > 0) {
      await raw.put(`/alive/auth.Alive/providers/${credentials.username}`);
      await eventually(() => expect(foldDirectory(seen.values).names).toEqual([credentials.username]));
    }
    expect(node.values).toEqual([]);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('isolation: that forbids one of many things asked for at once forbids only that', async () => {
    const credentials = await someone({ '/allowed': 'READWRITE' });
    const { session } = await troupe.join(server.port, credentials);
    await raw.put('/forbidden');
    await ask(session.makeDirectory('/allowed'));
    const paths = numbers(250).map((index) => (index === 77 ? '/forbidden/77' : `/allowed/${index}`));
    const became = await firstValueFrom(
      forkJoin(paths.map((path) => session.create(path, { ephemeral: true }).pipe(materialize(), take(1)))),
    );
    const refused = became.flatMap(({ kind, error }, index) => (kind === 'E' ? [[index, error as unknown]] : []));
    expect(refused).toEqual([[77, expect.objectContaining({ code: 'NOT_AUTHORIZED' })]]);
    expect(await raw.range('/allowed/')).toHaveLength(249);

    const reads = numbers(100).map((index) => (index === 3 ? '/forbidden' : `/allowed/${index}`));
    const answers = await firstValueFrom(
      forkJoin(reads.map((path) => session.read(path).pipe(materialize(), take(1)))),
    );
    expect(answers.flatMap(({ kind }, index) => (kind === 'E' ? [index] : []))).toEqual([3]);
  });

  it('isolation: that forbids one directory of several leaves it out, says so, and lets it in when it is granted', async () => {
    const { username } = await someone({ '/zoo/auth.Zoo/providers': 'READ' });
    await raw.put('/zoo/auth.Zoo/providers/dubbo%3A%2F%2Fa%3A1%2Fauth.Zoo');
    await raw.put('/zoo/auth.Zoo/configurators/override%3A%2F%2F0.0.0.0%2Fauth.Zoo%3Fcategory%3Dconfigurators');
    const actor = await stage.connect({ user: `${username}:pw@`, parameters: 'group=zoo' });
    const view = actor.consume({ interface: 'auth.Zoo', category: 'providers,configurators' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    const refused = ['/zoo/auth.Zoo/configurators', '/zoo/mapping'];
    expect([...actor.warnings].sort((one, other) => (one.path! < other.path! ? -1 : 1))).toMatchObject(
      refused.map((path) => ({ ...unreadable(path), cause: { code: 'NOT_AUTHORIZED' } })),
    );
    await users.grant(username, '/zoo/auth.Zoo/', 'READ');
    await eventually(() => expect(view.addresses).toEqual(['0.0.0.0', 'a:1']));
    expect(view.told).toEqual(['add a:1', 'add 0.0.0.0']);
  });
});

describe('a watch that is refused', () => {
  it('isolation: harms no other, neither on its stream nor after it', async () => {
    const credentials = await someone({ '/seen': 'READWRITE', '/unseen': 'READWRITE' });
    const relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, credentials);
    const session = await probe.session();
    // Both may be read when they are; when the watches come, one may not any more.
    let read = 0;
    relay.onAnswer = (_, { method }): Verdict => {
      if (method !== 'Txn') return 'pass';
      read += 1;
      return 'hold';
    };
    const nodes = numbers(20).map((index) =>
      follow(probe, (each) => each.watchNode(`/${index % 2 ? 'un' : ''}seen/${index}`)),
    );
    await eventually(() => read === 1);
    await users.revoke(credentials.username, '/unseen');
    relay.onAnswer = undefined;
    relay.release();
    const seen = nodes.filter((_, index) => index % 2 === 0);
    await eventually(() => expect(seen.every(({ values }) => values.length === 1)).toBe(true));
    for (const index of numbers(20)) await raw.put(`/${index % 2 ? 'un' : ''}seen/${index}`, 'x');
    await eventually(() => expect(seen.map(({ last }) => text(last?.data))).toEqual(Array(10).fill('x')));
    // One that is set after them on the same stream.
    using late = follow(probe, (each) => each.watchNode('/seen/late'));
    await eventually(() => late.values.length === 1);
    await raw.put('/seen/late', 'x');
    await eventually(() => expect(text(late.last?.data)).toBe('x'));
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(await ask(session.read('/seen/late'))).toBeDefined();

    await users.grant(credentials.username, '/unseen', 'READ');
    await eventually(() => expect(nodes.map(({ last }) => text(last?.data))).toEqual(Array(20).fill('x')));
    for (const node of nodes) node.stop();
    await relay[Symbol.asyncDispose]();
  });
});

describe('a role that is taken away while it is used', () => {
  it('no vanish, no empty push: is reported, and everything is back when it is given back', async () => {
    const { username } = await someone({ '/taken': 'READWRITE' });
    const options = { user: `${username}:pw@`, parameters: 'group=taken' };
    const provider = await stage.connect(options);
    const consumer = await stage.connect(options);
    const registration = provider.register('dubbo://a:1/auth.Taken');
    const path = await registration.registered();
    const view = consumer.consume({ interface: 'auth.Taken' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));

    await users.revoke(username, '/taken');
    await raw.delete(path);
    await eventually(() =>
      expect(registration.states.at(-1)).toMatchObject({
        status: 'pending',
        cause: { code: 'NOT_AUTHORIZED', message: expect.stringContaining('permission denied') as string },
      }),
    );
    expect(registration.error).toBeUndefined();

    await users.grant(username, '/taken', 'READWRITE');
    await registration.registered();
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    expect(view.error).toBeUndefined();
  });

  it('no vanish, no empty push: also when the connection breaks meanwhile', async () => {
    const { username } = await someone({ '/away': 'READWRITE' });
    const options = { user: `${username}:pw@`, parameters: 'group=away' };
    const provider = await stage.connect(options);
    const consumer = await stage.connect(options);
    const registration = provider.register('dubbo://a:1/auth.Away');
    const path = await registration.registered();
    const before = await identityOf(stage.server, path);
    const view = consumer.consume({ interface: 'auth.Away' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));

    await users.revokeRole(username);
    for (const { proxy, states } of [provider, consumer]) {
      proxy.dropConnections();
      await eventually(() => states.statuses.length === 4);
    }
    expect(view.told).toEqual(['add a:1']);
    // Reported by either.
    await eventually(() => expect(registration.states.at(-1)).toMatchObject({ cause: { code: 'NOT_AUTHORIZED' } }));
    await eventually(() => expect(consumer.warnings).toHaveLength(2));
    expect(consumer.warnings).toEqual(
      expect.arrayContaining([
        expect.objectContaining(unreadable('/away/auth.Away/providers')),
        expect.objectContaining(unreadable('/away/mapping')),
      ]),
    );

    await raw.put(`${path.slice(0, path.lastIndexOf('/'))}/dubbo%3A%2F%2Fb%3A1%2Fauth.Away`);
    const kept = await raw.get(path);
    // Newer servers let nobody renew a lease who may not write its keys.
    expect(kept === undefined).toBe(await checksRenewals());
    await users.grantRole(username);
    await registration.registered();
    await eventually(() => expect([...view.addresses].sort()).toEqual(['a:1', 'b:1']));
    // A node that went with its lease may be missed before it is made anew.
    if (kept) {
      expect(view.told).toEqual(['add a:1', 'add b:1']);
      expect(await identityOf(stage.server, path)).toBe(before);
    }
    expect([registration.error, view.error]).toEqual([undefined, undefined]);
  });
});
