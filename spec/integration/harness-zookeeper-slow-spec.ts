import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../support/proxy/faultProxy.js';
import { throughout } from '../support/scenario/judge.js';
import { eventually } from '../support/servers/eventually.js';
import { expireSession } from '../support/servers/expireSession.js';
import { connectRawZooKeeper, type RawZooKeeper } from '../support/servers/rawZooKeeper.js';
import { startZooKeeperEnsemble } from '../support/servers/zookeeperEnsemble.js';
import { startZooKeeper, type ZooKeeperServer } from '../support/servers/zookeeperServer.js';

let server: ZooKeeperServer;
beforeAll(async () => void (server = await startZooKeeper()));
afterAll(() => server.close());

describe('a ZooKeeper server', () => {
  it('keeps its data and its port over a kill and a restart', async () => {
    await using before = await connectRawZooKeeper(server.port);
    await before.create('/kept', { data: 'yes' });
    await server.kill();
    await expect(server.command('srvr')).rejects.toThrow('ECONNREFUSED');
    await expect(before.stat('/kept')).rejects.toThrow('the connection is lost');

    await server.start();
    await using after = await connectRawZooKeeper(server.port);
    expect((await after.data('/kept')).toString()).toBe('yes');

    await server.restart();
    await using again = await connectRawZooKeeper(server.port);
    expect(await again.stat('/kept')).toMatchObject({ dataLength: 3, ephemeralOwner: '0x0' });
  });

  it('loses its data when it is wiped', async () => {
    await using before = await connectRawZooKeeper(server.port);
    await before.create('/wiped');
    await server.wipe();
    await using after = await connectRawZooKeeper(server.port);
    expect(await after.children('/')).toEqual(['zookeeper']);
  });

  it('does not answer while it is frozen, and goes on when it is thawed', async () => {
    await using client = await connectRawZooKeeper(server.port);
    server.freeze();
    await expect(server.command('srvr', 300)).rejects.toThrow('No answer to srvr');
    const answer = client.children('/');
    server.thaw();
    expect(await server.command('srvr')).toContain('Mode: standalone');
    expect(await answer).toContain('zookeeper');
  });

  it('can be killed while it is frozen', async () => {
    server.freeze();
    await server.kill();
    await server.start();
    expect(await server.command('ruok')).toBe('imok');
  });

  it('tells why it does not start', async () => {
    await expect(startZooKeeper({ config: { tickTime: 'none' } })).rejects.toThrow(/ended while it started.*none/s);
  });

  it('takes system properties', async () => {
    await using small = await startZooKeeper({ systemProperties: { 'jute.maxbuffer': 1000 } });
    await using client = await connectRawZooKeeper(small.port);
    await expect(client.create('/big', { data: 'x'.repeat(2000) })).rejects.toThrow('the connection is lost');
  });
});

describe('the raw client', () => {
  it('reads what the server holds', async () => {
    await using client = await connectRawZooKeeper(server.port);
    await client.create('/raw/a', { parents: true });
    await client.create('/raw/b', { data: 'one', ephemeral: true });
    expect(await client.create('/raw/c-', { sequential: true })).toMatch(/^\/raw\/c-\d{10}$/);
    expect(await client.children('/raw')).toEqual(['a', 'b', expect.stringMatching(/^c-/)]);
    expect(await client.setData('/raw/b', 'two!')).toMatchObject({ version: 1, dataLength: 4 });

    const stat = await client.stat('/raw/b');
    expect(stat).toMatchObject({ ephemeralOwner: client.sessionId, version: 1, childCount: 0 });
    expect(stat!.mzxid).toBeGreaterThan(stat!.czxid);
    expect(await client.stat('/raw/none')).toBeNull();
    await expect(client.create('/raw/a')).rejects.toMatchObject({ name: 'NODE_EXISTS', code: -110 });
    await expect(client.remove('/raw/b', 0)).rejects.toMatchObject({ name: 'BAD_VERSION' });

    await client.removeRecursive('/raw');
    expect(await client.stat('/raw')).toBeNull();
  });

  it('ends its session when it closes, and not when it is abandoned', async () => {
    await using observer = await connectRawZooKeeper(server.port);
    const closing = await connectRawZooKeeper(server.port);
    const dying = await connectRawZooKeeper(server.port, { sessionTimeoutMs: 2000 });
    expect(dying.sessionTimeoutMs).toBe(2000);
    await closing.create('/closing', { ephemeral: true });
    await dying.create('/dying', { ephemeral: true });

    await closing.close();
    dying.abandon();
    expect(await observer.stat('/closing')).toBeNull();
    expect(await observer.stat('/dying')).toMatchObject({ ephemeralOwner: dying.sessionId });
    await eventually(async () => (await observer.stat('/dying')) === null, { withinMs: 15_000 });
  });

  it('resumes a session, and is told of one that is over', async () => {
    const first = await connectRawZooKeeper(server.port);
    await first.create('/resumed', { ephemeral: true });
    first.abandon();
    const session = { id: first.sessionId, password: first.sessionPassword };
    const second = await connectRawZooKeeper(server.port, { session });
    expect(await second.stat('/resumed')).toMatchObject({ ephemeralOwner: second.sessionId });
    await second.close();
    await expect(connectRawZooKeeper(server.port, { session })).rejects.toMatchObject({ name: 'SESSION_EXPIRED' });
  });

  it('keeps its session alive while it is idle', async () => {
    await using observer = await connectRawZooKeeper(server.port);
    await using idle = await connectRawZooKeeper(server.port, { sessionTimeoutMs: 2000 });
    const dying = await connectRawZooKeeper(server.port, { sessionTimeoutMs: 2000 });
    await idle.create('/idle', { ephemeral: true });
    await dying.create('/twin', { ephemeral: true });
    dying.abandon();
    // The twin's end shows that a session without pings would be over by now.
    await eventually(async () => (await observer.stat('/twin')) === null, { withinMs: 15_000 });
    expect(await observer.stat('/idle')).not.toBeNull();
  });
});

describe('expire', () => {
  it('ends the session of somebody who keeps coming back', async () => {
    await using observer = await connectRawZooKeeper(server.port);
    // A single try would do in about half the rounds.
    for (let round = 0; round < 10; round++) {
      const owner = new Owner(await connectRawZooKeeper(server.port));
      await owner.client.create('/victim', { ephemeral: true });
      const gone = expect(owner.comeBackUntilExpired()).rejects.toMatchObject({ name: 'SESSION_EXPIRED' });
      await server.expire(owner.session.id, owner.session.password);
      expect(await observer.stat('/victim')).toBeNull();
      // Rarely the server leaves the owner's last connection open and answers nothing on it.
      owner.client.abandon();
      await gone;
    }
  });

  it('takes the id as bytes', async () => {
    await using observer = await connectRawZooKeeper(server.port);
    const victim = await connectRawZooKeeper(server.port);
    await victim.create('/victim', { ephemeral: true });
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(BigInt(victim.sessionId));
    await server.expire(id, victim.sessionPassword);
    expect(await observer.stat('/victim')).toBeNull();
  });

  it('does not take a wrong password for success', async () => {
    await using client = await connectRawZooKeeper(server.port);
    const wrong = expireSession(server.port, client.sessionId, Buffer.alloc(16, 1), 300);
    await expect(wrong).rejects.toThrow('is the password right?');
  });

  class Owner {
    client: RawZooKeeper;
    readonly session: { readonly id: string; readonly password: Buffer };

    constructor(client: RawZooKeeper) {
      this.client = client;
      this.session = { id: client.sessionId, password: client.sessionPassword };
    }

    async comeBackUntilExpired(): Promise<never> {
      const isLost = () =>
        this.client
          .children('/')
          .then(() => false)
          .catch(() => true);
      for (;;) {
        await eventually(isLost, { everyMs: 1 });
        this.client = await connectRawZooKeeper(server.port, { session: this.session });
      }
    }
  }
});

describe('the fault proxy', () => {
  let proxy: FaultProxy;
  let direct: RawZooKeeper;
  beforeEach(async () => {
    proxy = await startFaultProxy({ port: server.port });
    direct = await connectRawZooKeeper(server.port);
  });
  afterEach(async () => {
    await proxy.close();
    await direct.close();
  });

  it('passes bytes both ways and counts them', async () => {
    const before = performance.now();
    const client = await connectRawZooKeeper(proxy.port);
    expect(await client.children('/')).toContain('zookeeper');
    expect(proxy).toMatchObject({ connections: 1, accepted: 1, address: `127.0.0.1:${proxy.port}` });
    expect(proxy.acceptedAt[0]).toBeGreaterThanOrEqual(before);
    expect(proxy.bytes()).toEqual({ toServer: 49 + 4 + 8 + 4 + 1 + 1, toClient: expect.any(Number) as number });
    await client.close();
    await eventually(() => proxy.connections === 0);
  });

  it('destroys and refuses connections while it is cut', async () => {
    const client = await connectRawZooKeeper(proxy.port);
    proxy.cut();
    await expect(client.children('/')).rejects.toThrow('the connection is lost');
    await expect(command(proxy, 'ruok')).rejects.toThrow('ECONNREFUSED');
    proxy.heal();
    expect(await command(proxy, 'ruok')).toBe('imok');
    expect(proxy.accepted).toBe(2);
  });

  it('can be cut again before it listens again', async () => {
    proxy.cut();
    proxy.heal();
    proxy.cut();
    await expect(command(proxy, 'ruok')).rejects.toThrow('ECONNREFUSED');
    proxy.heal();
    expect(await command(proxy, 'ruok')).toBe('imok');
  });

  it('swallows bytes and ends in a black hole, so that the server is the first to give up', async () => {
    const client = await connectRawZooKeeper(proxy.port, { sessionTimeoutMs: 2000 });
    await client.create('/hole', { ephemeral: true });
    proxy.blackHole();
    client.abandon();
    const during = await open(proxy);
    during.write('ruok');
    await eventually(() => proxy.connections === 1 && proxy.accepted === 2);
    expect(await server.command('cons')).toContain(client.sessionId);
    await eventually(async () => (await direct.stat('/hole')) === null, { withinMs: 15_000 });
    expect(during.bytesRead).toBe(0);

    const lost = once(during, 'close');
    proxy.heal();
    await lost;
    expect(await command(proxy, 'ruok')).toBe('imok');
  });

  it('can lose answers only', async () => {
    const client = await connectRawZooKeeper(proxy.port);
    proxy.blackHole('toClient');
    const answer = expect(client.create('/unanswered')).rejects.toThrow('the connection is lost');
    await eventually(async () => (await direct.stat('/unanswered')) !== null);
    proxy.heal();
    await answer;
    await direct.remove('/unanswered');
  });

  it('delivers what a black hole held, or keeps it there', async () => {
    const [kept, delivered] = [await open(proxy), await open(proxy)];
    proxy.blackHole('toServer');
    kept.write('ruok');
    proxy.heal({ inHole: 'keep' });
    expect(await command(proxy, 'ruok')).toBe('imok');
    expect(kept).toMatchObject({ bytesRead: 0, closed: false });

    delivered.write('ruok');
    proxy.heal({ inHole: 'deliver' });
    expect((await buffer(delivered)).toString()).toBe('imok');
    expect((await buffer(kept)).toString()).toBe('imok');
  });

  it('delays bytes each way, in order, without limiting how many are under way', async () => {
    const client = await connectRawZooKeeper(proxy.port);
    proxy.delay(100);
    const start = performance.now();
    const order: number[] = [];
    await Promise.all(Array.from({ length: 50 }, (_, index) => client.stat('/').then(() => order.push(index))));
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(199);
    // One after another they would take ten seconds.
    expect(took).toBeLessThan(5000);
    expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
    proxy.delay(0);
    await client.close();
  });

  it('limits the rate', async () => {
    await direct.create('/large', { data: Buffer.alloc(20_000) });
    const client = await connectRawZooKeeper(proxy.port);
    proxy.throttle(50_000);
    const start = performance.now();
    expect(await client.data('/large')).toEqual(Buffer.alloc(20_000));
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(370);
    expect(took).toBeLessThan(5000);
    proxy.throttle(0);
    await client.close();
    await direct.remove('/large');
  });

  it('resets connections and keeps accepting', async () => {
    const socket = await open(proxy);
    const error = once(socket, 'error');
    // The client can be through before the proxy has accepted it.
    await eventually(() => proxy.accepted === 1);
    proxy.dropConnections();
    expect(await error).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(await command(proxy, 'ruok')).toBe('imok');
  });

  it('cuts after exactly so many bytes of an answer, once', async () => {
    const socket = await open(proxy);
    proxy.cutAfter(10, 'toClient');
    socket.write('srvr');
    expect((await buffer(socket)).toString()).toBe('Zookeeper ');
    expect(await command(proxy, 'srvr')).toContain('Mode: standalone');
  });

  it('cuts between a request and its answer', async () => {
    const client = await connectRawZooKeeper(proxy.port);
    proxy.cutAfter(0, 'toClient');
    await expect(client.create('/uncertain')).rejects.toThrow('the connection is lost');
    expect(await direct.stat('/uncertain')).not.toBeNull();
    await direct.remove('/uncertain');
  });

  it('cuts within a request', async () => {
    const client = await connectRawZooKeeper(proxy.port);
    proxy.cutAfter(20, 'toServer');
    await expect(client.create('/torn')).rejects.toThrow('the connection is lost');
    expect(await direct.stat('/torn')).toBeNull();
  });

  it('passes on that the server has gone', async () => {
    await using other = await startZooKeeper();
    await using front = await startFaultProxy({ port: other.port });
    const client = await connectRawZooKeeper(front.port);
    await other.kill();
    await expect(client.children('/')).rejects.toThrow('the connection is lost');
  });
});

describe('a ZooKeeper ensemble', () => {
  it('elects a leader, and another when that is lost', async () => {
    await using ensemble = await startZooKeeperEnsemble();
    expect(ensemble.addresses.split(',')).toEqual(ensemble.servers.map((each) => each.address));
    const leader = await ensemble.leader();
    const followers = await ensemble.followers();
    expect(new Set([leader, ...followers])).toEqual(new Set(ensemble.servers));
    const writer = await connectRawZooKeeper(followers[0]!.port);
    await writer.create('/agreed');
    await writer.close();

    await leader.kill();
    const next = await eventually(async () => {
      const found = await ensemble.leader();
      return found !== leader && found;
    });
    await using reader = await connectRawZooKeeper(next.port);
    expect(await reader.stat('/agreed')).not.toBeNull();

    await leader.start();
    await using late = await connectRawZooKeeper(leader.port);
    await late.sync();
    expect(await late.stat('/agreed')).not.toBeNull();
  });

  it('is not led by one that stood still while another was elected', async () => {
    await using ensemble = await startZooKeeperEnsemble();
    const former = await ensemble.leader();
    former.freeze();
    const next = await ensemble.leader();
    former.thaw();
    // It finds out within a tick or two.
    await throughout(1_500, async () => expect(await ensemble.leader()).toBe(next));
    expect(await ensemble.followers()).toContain(former);
  });
});

describe('eventually', () => {
  it('gives the value of the first check that holds', async () => {
    const values = [null, false, 'this', 'that'] as const;
    let next = 0;
    expect(await eventually(() => values[next++] ?? null, { everyMs: 1 })).toBe('this');
  });

  it('tells at its deadline what failed last', async () => {
    const giveUp = eventually(() => expect(1).toBe(2), { what: 'the impossible', withinMs: 50 });
    await expect(giveUp).rejects.toThrow(/^Gave up on the impossible after 50 ms; last: expected 1 to be 2/);
  });

  it('does not wait for a check that never answers', async () => {
    const giveUp = eventually(() => new Promise<void>(() => {}), { withinMs: 50 });
    await expect(giveUp).rejects.toThrow('the check did not answer');
  });
});

async function open(proxy: FaultProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function command(proxy: FaultProxy, word: string): Promise<string> {
  const socket = await open(proxy);
  socket.write(word);
  return (await buffer(socket)).toString();
}
