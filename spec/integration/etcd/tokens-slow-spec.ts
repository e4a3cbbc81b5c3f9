import { firstValueFrom, forkJoin } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { createConfigCenter, createRegistry } from '../../../lib/index.js';
import { ask, SOON_MS, text } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { RawEtcd } from '../../support/servers/rawEtcd.js';
import { follow, followDirectory } from './support/follow.js';
import { type GrpcRelay, startGrpcRelay } from './support/grpcRelay.js';
import { numbers } from './support/inSlices.js';
import { JwtKeys } from './support/jwtKeys.js';

const CREDENTIALS = { username: 'app', password: 'pw' };
const troupe = new Troupe<EtcdOptions>(etcd);
let relay: GrpcRelay;

/** How many logins the server was asked for. */
function logins(): number {
  return relay.calls.filter(({ method }) => method === 'Authenticate').length;
}

/** Has so much time pass. */
async function pass(ms: number): Promise<void> {
  const since = performance.now();
  await eventually(() => performance.now() - since > ms, { withinMs: ms + 5_000 });
}

describe('a token in JWT, which any change of users or roles makes invalid', () => {
  const keys = new JwtKeys();
  let server: EtcdServer;
  let changes = 0;
  /** Somebody adds a user who has nothing to do with us. */
  const change = () => server.users.add(`other${(changes += 1)}`, 'x');
  beforeAll(async () => {
    server = await startEtcd({ rootPassword: 'r00t', flags: keys.flags });
    await server.users.add('app', 'pw', { '/': 'READWRITE' });
  });
  afterAll(async () => {
    await server.close();
    keys[Symbol.dispose]();
  });
  afterEach(async () => {
    await troupe.clear();
    await relay[Symbol.asyncDispose]();
  });

  it('is replaced by one login, whatever is asked for, and nothing else happens: no flap', async () => {
    relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, { ...CREDENTIALS, tuning: { keysPerLease: 1 } });
    const session = await probe.session();
    using before = follow(probe, (each) => each.watchNode('/jwt/before'));
    using directory = followDirectory(probe, '/jwt/directory');
    await eventually(() => before.values.length > 0 && directory.values.length > 0);
    const steps: Record<string, () => Promise<unknown>> = {
      create: () => ask(session.create('/jwt/a')),
      'create, which needs another lease': () => ask(session.create('/jwt/b', { ephemeral: true })),
      'create with a number': () => ask(session.create('/jwt/c-', { sequential: true, ephemeral: true })),
      read: () => ask(session.read('/jwt/a')),
      'read many': () => firstValueFrom(forkJoin(numbers(10).map((index) => session.read(`/jwt/${index}`)))),
      list: () => ask(session.list('/jwt')),
      write: () => ask(session.write('/jwt/a', Buffer.from('x'))),
      'watch a node': async () => {
        using node = follow(probe, (each) => each.watchNode('/jwt/a'));
        await eventually(() => expect(text(node.last?.data)).toBe('x'));
        await server.raw.put('/jwt/a', 'y');
        await eventually(() => expect(text(node.last?.data)).toBe('y'));
      },
      'watch a directory': async () => {
        using other = followDirectory(probe, '/jwt/other');
        await eventually(() => other.values.length > 0);
        await server.raw.put('/jwt/other/a');
        await eventually(() => expect(other.last).toEqual({ type: 'delta', added: ['a'], removed: [] }));
        await server.raw.delete('/jwt/other/a');
      },
      remove: () => ask(session.remove('/jwt/b')),
    };
    for (const [index, [what, step]] of Object.entries(steps).entries()) {
      await change();
      const since = performance.now();
      await step();
      expect(performance.now() - since, what).toBeLessThan(2_000);
      expect(logins(), what).toBe(index + 2);
    }
    // The watches from before the changes still tell.
    await server.raw.put('/jwt/before', 'z');
    await server.raw.put('/jwt/directory/a');
    await eventually(() => expect(text(before.last?.data)).toBe('z'));
    await eventually(() => expect(directory.last).toEqual({ type: 'delta', added: ['a'], removed: [] }));
    // So does a second watch of a node on the stream that replaced the first one.
    using after = follow(probe, (each) => each.watchNode('/jwt/after'));
    await server.raw.put('/jwt/after', 'z');
    await eventually(() => expect(text(after.last?.data)).toBe('z'));
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('is replaced by one login for many who need it at once', async () => {
    relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, CREDENTIALS);
    const session = await probe.session();
    await change();
    await firstValueFrom(
      forkJoin([
        ...numbers(300).map((index) => session.create(`/jwt/many/${index}`, { ephemeral: true })),
        ...numbers(300).map((index) => session.read(`/jwt/many-${index}`)),
        ...numbers(20).map((index) => session.list(`/jwt/list/${index}`)),
      ]),
    );
    expect(logins()).toBe(2);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('no flap: is replaced under the stream that keeps the leases', async () => {
    relay = await startGrpcRelay(server);
    const T = 3_000;
    const probe = troupe.follow(relay.address, { ...CREDENTIALS, sessionTimeoutMs: T });
    const session = await probe.session();
    await ask(session.create('/jwt/kept', { ephemeral: true }));
    await change();
    await pass(2 * T);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(await server.raw.get('/jwt/kept')).toBeDefined();
  });

  it('no ghost: is replaced for the last thing that is asked, the end of the session', async () => {
    relay = await startGrpcRelay(server);
    const registry = createRegistry(etcd(relay.address, CREDENTIALS));
    await registry.provide('dubbo://a:1/jwt.End');
    const leases = await server.raw.leases();
    await change();
    await registry.close();
    const prefix = '/dubbo/jwt.End/providers/';
    expect((await server.raw.range(prefix)).filter(({ key }) => key !== prefix)).toEqual([]);
    expect(await server.raw.leases()).toHaveLength(leases.length - 1);
  });

  it('is kept over a restart of the server, which takes it: nobody logs in', async () => {
    relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, CREDENTIALS);
    const session = await probe.session();
    await server.restart();
    await eventually(() => expect(probe.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']), {
      withinMs: SOON_MS,
    });
    expect(await probe.session()).toBe(session);
    await ask(session.read('/jwt/a'));
    expect(logins()).toBe(1);
  });
});

describe('a token that the server does not take', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd({ rootPassword: 'r00t' });
    await server.users.add('app', 'pw', { '/': 'READWRITE' });
  });
  afterAll(() => server.close());
  afterEach(async () => {
    await troupe.clear();
    await relay[Symbol.asyncDispose]();
  });

  /** A call without a message is one that the server answers with nothing but that. */
  const REFUSALS = [
    { code: 16, message: 'etcdserver: invalid auth token' },
    { code: 3, message: 'etcdserver: revision of auth store is old' },
    { code: 3, message: 'etcdserver: user name is empty' },
  ];

  it.each(
    REFUSALS.flatMap((refusal) =>
      ['LeaseKeepAlive', 'Watch', 'LeaseGrant', 'Range', 'Txn'].map((method) => ({ ...refusal, method })),
    ),
  )('is replaced, and the refused call repeated: $method, $message', async ({ method, code, message }) => {
    relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, CREDENTIALS);
    // Each token once.
    const refused = new Set<unknown>();
    relay.onCall = ({ method: called, metadata: { token } }) => {
      if (called !== method || token === undefined || refused.size > 0) return undefined;
      refused.add(token);
      return { code, message };
    };
    const session = await probe.session();
    using node = follow(probe, (each) => each.watchNode('/refused/a'));
    using directory = followDirectory(probe, '/refused');
    await ask(session.create('/refused/a', { ephemeral: true, data: Buffer.from('x') }));
    await eventually(() => expect(text(node.last?.data)).toBe('x'));
    await eventually(() => expect(directory.values.length).toBeGreaterThan(0));
    expect(refused.size).toBe(1);
    expect(probe.error).toBeUndefined();
    await ask(session.remove('/refused/a'));
  });

  it('bounded herd: and none after it either, leads to reconnecting as the backoff allows', async () => {
    relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, { ...CREDENTIALS, reconnect: { baseMs: 200, maxMs: 1_000 } });
    await probe.session();
    relay.onCall = ({ method, metadata }) => (method === 'Range' && metadata['token'] ? REFUSALS[0]! : undefined);
    const before = logins();
    const failed = probe.reaches('suspended');
    using asked = follow(probe, (each) => each.read('/refused/b'));
    const { cause } = await failed;
    expect(cause).toMatchObject({ code: 'CONNECTION_LOST' });
    const since = performance.now();
    await pass(3_000);
    // Waits of 100, 200, 400 and then 500 ms on average: some ten attempts, of which each may log in four times.
    expect(logins() - before).toBeLessThan(60);
    expect(asked.values).toEqual([]);
    relay.onCall = undefined;
    await eventually(() => expect(asked.values).toEqual([undefined]), { withinMs: SOON_MS });
    expect(performance.now() - since).toBeLessThan(SOON_MS);
  });
});

describe('authentication that is enabled while clients with credentials are connected', () => {
  let server: EtcdServer;
  afterEach(async () => {
    await troupe.clear();
    await relay[Symbol.asyncDispose]();
    await server.close();
  });

  async function open(): Promise<void> {
    server = await startEtcd();
    for (const name of ['root', 'app']) await server.users.add(name, 'pw');
    await server.users.grant('app', '/open', 'READWRITE');
    relay = await startGrpcRelay(server);
  }
  const enable = () => server.raw.call('auth/enable', {});
  const root = () => new RawEtcd({ port: server.port, user: { name: 'root', password: 'pw' } });

  it('no flap: has them log in, and disabling it again has them go on', async () => {
    await open();
    const T = 3_000;
    const probe = troupe.follow(relay.address, { ...CREDENTIALS, sessionTimeoutMs: T });
    const session = await probe.session();
    using node = follow(probe, (each) => each.watchNode('/open/a'));
    using directory = followDirectory(probe, '/open');
    await eventually(() => node.values.length > 0 && directory.values.length > 0);

    await enable();
    const asRoot = root();
    await ask(session.create('/open/a', { ephemeral: true, data: Buffer.from('1') }));
    await eventually(() => expect(text(node.last?.data)).toBe('1'));
    using late = follow(probe, (each) => each.watchNode('/open/b'));
    using lateDirectory = followDirectory(probe, '/open/late');
    await eventually(() => late.values.length > 0 && lateDirectory.values.length > 0);
    await asRoot.put('/open/b', '2');
    await asRoot.put('/open/late/x');
    await eventually(() => expect(text(late.last?.data)).toBe('2'));
    await eventually(() => expect(lateDirectory.last).toEqual({ type: 'delta', added: ['x'], removed: [] }));
    // Newer servers let nobody keep a lease without a token.
    await pass(2 * T);
    expect(await asRoot.get('/open/a')).toBeDefined();

    await asRoot.call('auth/disable', {});
    await ask(session.write('/open/a', Buffer.from('3')));
    await eventually(() => expect(text(node.last?.data)).toBe('3'));
    using last = followDirectory(probe, '/open/last');
    await eventually(() => last.values.length > 0);
    await pass(T);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(logins()).toBe(2);
  });

  it('refuses those whose credentials are wrong, until they are right', async () => {
    await open();
    const probe = troupe.follow(relay.address, { username: 'app', password: 'another' });
    const session = await probe.session();
    await enable();
    using list = follow(probe, (each) => each.list('/open'));
    const { cause } = await probe.reaches('suspended');
    expect(cause).toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('authentication failed') as string,
    });
    const asRoot = root();
    await asRoot.call('auth/user/changepw', { name: 'app', password: 'another' });
    await eventually(() => expect(list.values).toEqual([[]]), { withinMs: SOON_MS });
    expect(await probe.session()).toBe(session);
    expect(probe.error).toBeUndefined();
  });

  it('refuses for good those who have none', async () => {
    await open();
    const probe = troupe.follow(relay.address);
    const session = await probe.session();
    await enable();
    await expect(ask(session.list('/open'))).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      message: expect.stringContaining('list "/open/"') as string,
    });
  });
});

describe('a login', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd({ rootPassword: 'r00t' });
    await server.users.add('app', 'pw', { '/': 'READWRITE' });
  });
  afterAll(() => server.close());
  afterEach(async () => {
    await troupe.clear();
    await relay[Symbol.asyncDispose]();
  });

  it('is shared by all in this process with the same servers and credentials', async () => {
    relay = await startGrpcRelay(server);
    const address = `etcd://app:pw@${relay.address}`;
    const [registry, other, config] = [createRegistry(address), createRegistry(address), createConfigCenter(address)];
    await Promise.all([
      registry.lookup({ interface: 'login.Shared' }),
      other.lookup({ interface: 'login.Shared' }),
      config.get('login'),
      troupe.follow(relay.address, CREDENTIALS).session(),
    ]);
    expect(logins()).toBe(1);
    // Somebody else is somebody else.
    await troupe.follow(relay.address, { username: 'root', password: 'r00t' }).session();
    expect(logins()).toBe(2);
    await Promise.all([registry.close(), other.close(), config.close()]);
  });

  it('no flap: is kept over a cut of the network', async () => {
    relay = await startGrpcRelay(server);
    const probe = troupe.follow(relay.address, CREDENTIALS);
    await probe.session();
    for (const count of [4, 6, 8]) {
      relay.break();
      await eventually(() => expect(probe.statuses).toHaveLength(count), { withinMs: SOON_MS });
    }
    expect(probe.statuses.at(-1)).toBe('connected');
    expect(logins()).toBe(1);
  });

  it.each([
    ['whose password is changed', (name: string) => server.users.changePassword(name, 'another')],
    ['who is removed', (name: string) => server.users.remove(name)],
  ])(
    'of a user %s while connected is refused, which the states say, and is not tried at every attempt',
    async (what, end) => {
      const username = what.replaceAll(' ', '-');
      await server.users.add(username, 'pw', { '/gone': 'READWRITE' });
      relay = await startGrpcRelay(server);
      const probe = troupe.follow(relay.address, {
        username,
        password: 'pw',
        sessionTimeoutMs: 4_000,
        reconnect: { baseMs: 50, maxMs: 200 },
      });
      await probe.session();
      using directory = followDirectory(probe, '/gone');
      await eventually(() => directory.values.length > 0);
      await end(username);
      // What was asked for before is still told.
      await server.raw.put(`/gone/${username}`);
      await eventually(() => expect(directory.last).toEqual({ type: 'delta', added: [username], removed: [] }));

      using list = follow(probe, (each) => each.list('/gone'));
      const refused = expect.stringContaining('authentication failed') as string;
      expect(await probe.reaches('suspended')).toMatchObject({ cause: { code: 'CONNECTION_LOST', message: refused } });
      const before = logins();
      await probe.reaches('lost');
      await eventually(() => expect(probe.state).toMatchObject({ status: 'connecting', cause: { message: refused } }));
      // Within 4 s: the waits are drawn from up to 50, 100, 200, 400, 800, 1600, 2000, 2000 … ms; some forty attempts are made.
      expect(logins() - before).toBeLessThan(20);
      expect(probe.error).toBeUndefined();

      await server.users.changePassword(username, 'pw').catch(() => server.users.restore(username, 'pw'));
      await eventually(() => expect(list.values.length).toBeGreaterThan(0), { withinMs: SOON_MS });
    },
  );
});
