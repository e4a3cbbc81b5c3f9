import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TlsOptions, zookeeper, type ZooKeeperOptions } from '../../../lib/backends/zookeeper/index.js';
import { createRegistry, type Registry } from '../../../lib/index.js';
import { describeContract } from '../../contract/contract.js';
import { ask, Probe, SOON_MS } from '../../contract/probe.js';
import { registryWorld } from '../../contract/registryWorld.js';
import { Troupe } from '../../contract/troupe.js';
import { DebugLines } from '../../support/debugLines.js';
import { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { ZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { CertificateAuthority } from '../../support/servers/certificateAuthority.js';
import { eventually } from '../../support/servers/eventually.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

/** A server whose clients, those under test, talk TLS; all others do not. */
class SecureRegistry extends ZooKeeperRegistry {
  override readonly backend = (servers: string, options?: ZooKeeperOptions) =>
    zookeeper(servers, { ...options, tls: this.server.secure! });
  readonly securePort = this.server.secure!.port;
}

// What depends on the connection itself; the operations know nothing of it.
describeContract(
  'ZooKeeper with TLS',
  () => {
    let registry: SecureRegistry;
    return registryWorld(
      async () => (registry = new SecureRegistry(await startZooKeeper({ tickTimeMs: 500, tls: 'mutual' }))),
      1_000,
      async () => ({ port: registry.securePort, [Symbol.asyncDispose]: async () => undefined }),
    );
  },
  ['its states', 'its close()', 'a session'],
);

describe('TLS to ZooKeeper', () => {
  /** Trusts whom its authority has certified, and nobody else. */
  let server: ZooKeeperServer;
  let folder: string;
  let files: Required<Pick<TlsOptions, 'ca' | 'cert' | 'key'>>;
  const stranger = new CertificateAuthority('another authority');
  const troupe = new Troupe<ZooKeeperOptions>(zookeeper);
  beforeAll(async () => {
    server = await startZooKeeper({ tls: 'mutual' });
    folder = await mkdtemp(join(tmpdir(), 'rx-registry-tls-'));
    const write = async (name: 'ca' | 'cert' | 'key'): Promise<string> => {
      const path = join(folder, `${name} & co.pem`);
      await writeFile(path, server.secure![name]);
      return path;
    };
    files = { ca: await write('ca'), cert: await write('cert'), key: await write('key') };
  });
  afterEach(() => troupe.clear());
  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  function follow(registry: Registry): Probe {
    return troupe.add(new Probe({ name: 'zookeeper', states: registry.states, close: () => registry.close() }));
  }

  async function works(probe: Probe): Promise<void> {
    const session = await probe.session();
    const { path } = await ask(session.create('/tls/a', { ephemeral: true }));
    expect(await ask(session.read(path))).toMatchObject({ owner: session.id });
    await ask(session.remove(path));
  }

  /** What the attempts of a client fail for, of which there is no end. */
  async function causeOf(probe: Probe): Promise<string> {
    await eventually(() => expect(probe.trace[3]).toMatchObject({ status: 'connecting', attempt: 4 }), {
      withinMs: SOON_MS,
    });
    expect(probe.error).toBeUndefined();
    expect(probe.statuses).not.toContain('connected');
    const causes = probe.trace.slice(1).map((state) => (state.status === 'connecting' ? state.cause : undefined));
    for (const cause of causes) expect(cause).toMatchObject({ code: 'CONNECTION_LOST', retriable: true });
    return causes[0]!.message;
  }

  it('takes certificates and keys as files, texts or bytes', async () => {
    const { ca, cert, key } = server.secure!;
    const bytes = { ca: Buffer.from(ca), cert: new TextEncoder().encode(cert), key: Buffer.from(key) };
    for (const tls of [files, { ca, cert, key }, bytes, { ...files, ca }]) {
      await works(troupe.follow(server.secure!.address, { tls }));
    }
  });

  it('checks the name of the server: the host, or the one that is given, which may be an address', async () => {
    const { port } = server.secure!;
    await works(troupe.follow(`localhost:${port}`, { tls: files }));
    await works(troupe.follow(`127.0.0.1:${port}`, { tls: { ...files, serverName: 'localhost' } }));
    await works(troupe.follow(`localhost:${port}`, { tls: { ...files, serverName: '127.0.0.1' } }));
    const wrong = troupe.follow(`localhost:${port}`, { tls: { ...files, serverName: '127.0.0.2' } });
    expect(await causeOf(wrong)).toContain("IP: 127.0.0.2 is not in the cert's list");
  });

  it('is asked for by the parameters of an address, and a registry works', async () => {
    const query = Object.entries<string>({ ...(files as Record<string, string>) })
      .map(([name, path]) => `${name}=${encodeURIComponent(path)}`)
      .join('&');
    const { address } = server.secure!;
    for (const parameters of [query, `${query}&tls=true&serverName=localhost`]) {
      const registry = createRegistry(`zookeeper://${address}?${parameters}`);
      const registration = new RegistrationRecord(registry, 'dubbo://a:1/tls.Address');
      await registration.registered();
      expect((await registry.lookup({ interface: 'tls.Address' })).size).toBe(1);
      await registry.close();
    }
    const plain = createRegistry(`zookeeper://${address}?${query}&tls=false`);
    expect(await causeOf(follow(plain))).toContain('add "tls=true"');
    await plain.close();
  });

  it('reads certificates anew for each attempt: one that is renewed, or absent for a moment, is taken', async () => {
    const [cert, key] = [join(folder, 'renewed.crt'), join(folder, 'renewed.key')];
    const wrong = stranger.issue('client');
    await writeFile(cert, wrong.cert);
    await writeFile(key, wrong.key);
    const probe = troupe.follow(server.secure!.address, { tls: { ca: files.ca, cert, key } });
    await causeOf(probe);
    // Renewed in steps: the key is gone, then of another certificate, and then right.
    const causes = (): readonly string[] =>
      probe.trace.flatMap((state) => (state.status === 'connecting' && state.cause ? [state.cause.message] : []));
    await rm(key);
    await eventually(() => expect(causes().at(-1)).toContain('ENOENT'));
    await writeFile(key, server.secure!.key);
    await eventually(() => expect(causes().at(-1)).toMatch(/key values mismatch/i));
    await writeFile(cert, server.secure!.cert);
    await works(probe);
    expect(probe.error).toBeUndefined();
  });

  it('no flap: a session is carried on over cuts and restarts, with the certificate of that time', async () => {
    const [cert, key] = [join(folder, 'kept.crt'), join(folder, 'kept.key')];
    await writeFile(cert, server.secure!.cert);
    await writeFile(key, server.secure!.key);
    const { proxy, probe, session } = await troupe.join(server.secure!.port, { tls: { ca: files.ca, cert, key } });
    const node = await ask(session.create('/tls/kept', { ephemeral: true }));
    const wrong = stranger.issue('client');
    await writeFile(cert, wrong.cert);
    await writeFile(key, wrong.key);
    proxy.dropConnections();
    await probe.reaches('suspended');
    await writeFile(cert, server.secure!.cert);
    await writeFile(key, server.secure!.key);
    await eventually(() => expect(probe.statuses).toHaveLength(4), { withinMs: SOON_MS });
    await server.restart();
    await eventually(() => expect(probe.statuses).toHaveLength(6), { withinMs: SOON_MS });
    expect(await probe.session()).toBe(session);
    expect(await ask(session.read('/tls/kept'))).toEqual(node);
  });

  it.each<[string, () => ZooKeeperOptions, RegExp]>([
    [
      'a server whom the given authority has not certified',
      () => ({ tls: { ...files, ca: stranger.cert } }),
      /(unable to verify the first certificate|certificate signature failure|self.signed certificate).*\. Give the certificate of the authority/,
    ],
    [
      'a server whom none of the usual authorities has certified',
      () => ({ tls: { cert: files.cert, key: files.key } }),
      /unable to verify the first certificate/,
    ],
    [
      'a server that is certified for another name',
      () => ({ tls: { ...files, serverName: 'zk.example' } }),
      /Hostname\/IP does not match certificate's altnames: Host: zk\.example/,
    ],
    [
      'no certificate of our own',
      () => ({ tls: { ca: files.ca } }),
      /: \w[\w ]* alert (bad certificate|certificate required)\. The server wants a certificate|not trust our|ECONNRESET|EPIPE/,
    ],
    [
      'a certificate of our own that the server does not trust',
      () => ({ tls: { ca: files.ca, ...stranger.issue('client') } }),
      /alert (bad|unknown|certificate)|not trust our certificate|ECONNRESET|EPIPE/,
    ],
    ['no TLS with a server that wants it', () => ({}), /add "tls=true" to the address/],
  ])('says as the cause, attempt by attempt: %s', async (_, options, words) => {
    expect(await causeOf(troupe.follow(server.secure!.address, options()))).toMatch(words);
  });

  it('says as the cause, attempt by attempt: TLS with a server that does not talk it', async () => {
    expect(await causeOf(troupe.follow(server.address, { tls: files }))).toMatch(
      /Expected a ZooKeeper server with TLS|not trust our certificate/,
    );
  });

  it('says nothing of keys in logs and causes', async () => {
    using log = new DebugLines();
    const foreign = stranger.issue('client');
    const secrets = [server.secure!.key, foreign.key].map((key) => key.split('\n')[1]!);
    const { ca, cert, key } = server.secure!;
    const probes = [
      { ca, cert, key },
      { ca, ...foreign },
      { ca: stranger.cert, cert, key },
    ].map((tls) => troupe.follow(server.secure!.address, { tls }));
    await works(probes[0]!);
    for (const probe of probes.slice(1)) await causeOf(probe);
    const told = probes.flatMap(({ trace }) => trace.filter(({ status }) => status === 'connecting'));
    const text = `${log.text}\n${inspect(told, { depth: 8 })}`;
    expect(log.lines.length).toBeGreaterThan(10);
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
