import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../support/proxy/faultProxy.js';
import { throughout } from '../support/scenario/judge.js';
import { CertificateAuthority } from '../support/servers/certificateAuthority.js';
import { startEtcdCluster } from '../support/servers/etcdCluster.js';
import { type EtcdServer, startEtcd } from '../support/servers/etcdServer.js';
import { eventually } from '../support/servers/eventually.js';
import { RawEtcd } from '../support/servers/rawEtcd.js';

let server: EtcdServer;
let raw: RawEtcd;
beforeAll(async () => {
  server = await startEtcd();
  raw = server.raw;
});
afterAll(() => server.close());

describe('an etcd server', () => {
  it('keeps its data and its port over a kill and a restart', async () => {
    await raw.put('/kept', 'yes');
    await server.kill();
    await expect(raw.get('/kept')).rejects.toThrow('ECONNREFUSED');

    await server.start();
    expect((await raw.get('/kept'))?.value.toString()).toBe('yes');
    await server.restart();
    expect(await raw.get('/kept')).toMatchObject({ key: '/kept', lease: undefined });
  });

  it('loses its data when it is wiped', async () => {
    await raw.put('/wiped');
    const before = await raw.revision();
    await server.wipe();
    expect(await raw.range('/')).toEqual([]);
    expect(await raw.revision()).toBeLessThan(before);
  });

  it('does not answer while it is frozen, and goes on when it is thawed', async () => {
    await raw.put('/frozen');
    server.freeze();
    await expect(raw.call('kv/range', { key: 'AA==' }, 300)).rejects.toThrow('No answer to /v3/kv/range');
    const answer = raw.get('/frozen');
    server.thaw();
    expect(await answer).toBeDefined();
  });

  it('can be killed while it is frozen', async () => {
    server.freeze();
    await server.kill();
    await server.start();
    expect(await raw.role()).toBe('leader');
  });

  it('tells why it does not start', async () => {
    await expect(startEtcd({ flags: { 'heartbeat-interval': 'none' } })).rejects.toThrow(
      /ended while it started.*none/s,
    );
  });

  it('takes flags', async () => {
    await using small = await startEtcd({ flags: { 'max-request-bytes': 1000 } });
    await expect(small.raw.put('/big', 'x'.repeat(3000))).rejects.toThrow('request is too large');
  });

  it('takes sessions of one second, which end when nobody keeps them', async () => {
    const { id, seconds } = await raw.grant(1);
    expect(seconds).toBe(1);
    await raw.put('/dying', '', { lease: id });
    await eventually(async () => (await raw.get('/dying')) === undefined, { withinMs: 5_000 });
    expect(await raw.leases()).not.toContain(id);
  });

  it('makes a lease last anew when it is restarted', async () => {
    const { id } = await raw.grant(600);
    await server.restart();
    expect(await raw.lease(id)).toMatchObject({ granted: 600, keys: [] });
    await raw.revoke(id);
  });
});

describe('the raw client', () => {
  it('reads what the server holds', async () => {
    const { id } = await raw.grant(60);
    const first = await raw.put('/raw/b', 'one', { lease: id });
    const second = await raw.put('/raw/b', 'two', { lease: id });
    await raw.put('/raw/a', Buffer.from([0, 255]));
    await raw.put('/rawer');
    expect(second).toBe(first + 1n);
    expect(await raw.range('/raw/')).toEqual([
      expect.objectContaining({ key: '/raw/a', value: Buffer.from([0, 255]), lease: undefined }),
      { key: '/raw/b', value: Buffer.from('two'), lease: id, createRevision: first, modRevision: second, version: 2 },
    ]);
    expect(await raw.get('/raw')).toBeUndefined();

    expect(await raw.delete('/raw/a')).toBe(true);
    expect(await raw.delete('/raw/a')).toBe(false);
    expect(await raw.deleteRange('/raw')).toBe(2);
    expect(await raw.range('/raw')).toEqual([]);
    await raw.revoke(id);
  });

  it('reads many keys as they were at one time', async () => {
    for (let batch = 0; batch < 25; batch++) {
      await raw.transact({ put: Array.from({ length: 100 }, (_, index) => `/many/${batch * 100 + index}`) });
    }
    const keys = await raw.range('/many/');
    expect(keys).toHaveLength(2_500);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(2_500);
    const revision = await raw.transact({ put: ['/many/x'], delete: ['/many/0', '/many/1'] });
    expect(await raw.get('/many/x')).toMatchObject({ createRevision: revision });
    expect(await raw.deleteRange('/many/')).toBe(2_499);
  });

  it('knows the leases and ends them, and their keys with them', async () => {
    const { id } = await raw.grant(60);
    await raw.put('/leased/a', '', { lease: id });
    await raw.put('/leased/b', '', { lease: id });
    expect(await raw.leases()).toContain(id);
    expect(await raw.lease(id)).toMatchObject({ granted: 60, keys: ['/leased/a', '/leased/b'] });
    await raw.revoke(id);
    expect(await raw.leases()).not.toContain(id);
    expect(await raw.lease(id)).toBeUndefined();
    expect(await raw.range('/leased/')).toEqual([]);
    await expect(raw.revoke(id)).rejects.toMatchObject({ name: 'NOT_FOUND' });
    await expect(raw.put('/leased/late', '', { lease: id })).rejects.toMatchObject({ name: 'NOT_FOUND' });
  });

  it('compacts', async () => {
    const old = await raw.put('/compacted', '1');
    await raw.put('/compacted', '2');
    await raw.compact();
    const past = raw.call('kv/range', { key: 'AA==', revision: String(old) });
    await expect(past).rejects.toMatchObject({ name: 'OUT_OF_RANGE' });
  });

  it('counts what is watched', async () => {
    const [watches, streams, calls] = [await raw.watches(), await raw.watchStreams(), await raw.openCalls('Watch')];
    const leaving = new AbortController();
    const watch = (key: string) =>
      fetch(`http://${server.address}/v3/watch`, {
        method: 'POST',
        body: JSON.stringify({ create_request: { key: Buffer.from(key).toString('base64') } }),
        signal: leaving.signal,
      });
    const streaming = await Promise.all([watch('/a'), watch('/b')]);
    await eventually(async () => expect(await raw.watches()).toBe(watches + 2));
    expect(await raw.watchStreams()).toBe(streams + 2);
    expect(await raw.openCalls('Watch')).toBe(calls + 2);
    leaving.abort();
    await Promise.allSettled(streaming.map((each) => each.text()));
    await eventually(async () => {
      expect(await raw.watches()).toBe(watches);
      expect(await raw.watchStreams()).toBe(streams);
      expect(await raw.openCalls('Watch')).toBe(calls);
    });
  });

  it('goes through the fault proxy', async () => {
    await using proxy = await startFaultProxy({ port: server.port });
    const client = new RawEtcd({ port: proxy.port });
    expect(await client.revision()).toBe(await raw.revision());
    expect(proxy.accepted).toBe(1);
    await eventually(() => proxy.connections === 0);
  });
});

describe('an etcd server that asks who one is', () => {
  it('lets everybody do what they were granted, for as long as they are', async () => {
    await using guarded = await startEtcd({ rootPassword: 'r00t' });
    const { users } = guarded;
    const as = (name: string, password: string) => new RawEtcd({ port: guarded.port, user: { name, password } });
    await users.add('reader', 'r', { '/dubbo/': 'READ' });
    await users.add('writer', 'w', { '/dubbo/': 'READWRITE' });
    const [reader, writer] = [as('reader', 'r'), as('writer', 'w')];
    await writer.put('/dubbo/a', 'x');
    expect(await reader.get('/dubbo/a')).toBeDefined();
    const denied = { name: 'PERMISSION_DENIED' };
    await expect(reader.put('/dubbo/a')).rejects.toMatchObject(denied);
    await expect(writer.put('/other')).rejects.toMatchObject(denied);
    await expect(as('writer', 'wrong').get('/dubbo/a')).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
    await expect(new RawEtcd({ port: guarded.port }).get('/dubbo/a')).rejects.toThrow('user name is empty');

    await guarded.restart();
    expect(await guarded.raw.get('/dubbo/a')).toBeDefined();
    expect(await reader.get('/dubbo/a')).toBeDefined();

    await users.revoke('reader', '/dubbo/');
    await expect(reader.get('/dubbo/a')).rejects.toMatchObject(denied);
    await users.grantRole('reader', 'writer');
    await reader.put('/dubbo/a');
    await users.revokeRole('writer');
    await expect(writer.get('/dubbo/a')).rejects.toMatchObject(denied);
    await users.disable();
    await new RawEtcd({ port: guarded.port }).put('/other');
  });
});

describe('an etcd server that talks TLS', () => {
  it('is trusted by those who trust its authority', async () => {
    await using secret = await startEtcd({ tls: 'server' });
    await secret.raw.put('/secret', 'x');
    const { ca } = secret.tls!;
    expect(await new RawEtcd({ port: secret.port, tls: { ca } }).get('/secret')).toBeDefined();
    const stranger = new CertificateAuthority().cert;
    await expect(new RawEtcd({ port: secret.port, tls: { ca: stranger } }).get('/secret')).rejects.toThrow(
      'unable to verify',
    );
    await expect(new RawEtcd({ port: secret.port }).get('/secret')).rejects.toThrow();
    await secret.restart();
    expect(await secret.raw.get('/secret')).toBeDefined();
  });

  it('trusts, if it is to, only those whom its authority has certified', async () => {
    await using secret = await startEtcd({ tls: 'mutual' });
    await secret.raw.put('/secret', 'x');
    const { ca } = secret.tls!;
    await expect(new RawEtcd({ port: secret.port, tls: { ca } }).get('/secret')).rejects.toThrow();
    const stranger = new CertificateAuthority().issue('client');
    await expect(new RawEtcd({ port: secret.port, tls: { ca, ...stranger } }).get('/secret')).rejects.toThrow();
  });
});

describe('an etcd cluster', () => {
  it('elects a leader, and another when that is lost', async () => {
    await using cluster = await startEtcdCluster();
    expect(cluster.addresses.split(',')).toEqual(cluster.servers.map((each) => each.address));
    const leader = await cluster.leader();
    const followers = await cluster.followers();
    expect(new Set([leader, ...followers])).toEqual(new Set(cluster.servers));
    await followers[0]!.raw.put('/agreed');

    await leader.kill();
    const next = await eventually(async () => {
      const found = await cluster.leader();
      return found !== leader && found;
    });
    expect(await next.raw.get('/agreed')).toBeDefined();

    await leader.start();
    expect(await leader.raw.get('/agreed')).toBeDefined();
  });

  it('is not led by one that stood still while another was elected', async () => {
    await using cluster = await startEtcdCluster();
    const former = await cluster.leader();
    former.freeze();
    const next = await cluster.leader();
    former.thaw();
    // It finds out with the next heartbeat.
    await throughout(1_500, async () => expect(await cluster.leader()).toBe(next));
    expect(await cluster.followers()).toContain(former);
  });

  it('does nothing without a majority, and goes on when there is one', async () => {
    await using cluster = await startEtcdCluster();
    const [one, other, last] = cluster.servers;
    await last!.raw.put('/agreed');
    await Promise.all([one!.kill(), other!.kill()]);
    await eventually(async () => expect(await last!.raw.role()).toBeUndefined());
    await expect(last!.raw.call('kv/put', { key: 'YQ==' }, 500)).rejects.toThrow();
    await one!.start();
    await eventually(async () => expect(await last!.raw.get('/agreed')).toBeDefined());
  });
});
