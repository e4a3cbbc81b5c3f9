import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { type Backend, createRegistry, InvalidOptionError, type Registry } from '../../../lib/index.js';
import { ask, Probe, refusalOf, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { CertificateAuthority } from '../../support/servers/certificateAuthority.js';
import { type ClientTls, type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { DebugLines } from '../../support/debugLines.js';

/** Trusts whom its authority has certified, and nobody else. */
let server: EtcdServer;
let folder: string;
let files: ClientTls;
const stranger = new CertificateAuthority('another authority');
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = await startEtcd({ tls: 'mutual' });
  folder = await mkdtemp(join(tmpdir(), 'rx-registry-tls-'));
  const write = async (name: 'ca' | 'cert' | 'key'): Promise<string> => {
    const path = join(folder, `${name} & co.pem`);
    await writeFile(path, server.tls![name]);
    return path;
  };
  files = { ca: await write('ca'), cert: await write('cert'), key: await write('key') };
});
afterEach(() => troupe.clear());
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Of no account here, but not to be told either. */
const ROOT = { username: 'root', password: 'r00t' };

/** Follows a registry that was made of an address. */
function follow(registry: Registry): Probe {
  return troupe.add(new Probe({ name: 'etcd', states: registry.states, close: () => registry.close() }));
}

async function works(probe: Probe): Promise<void> {
  const session = await probe.session();
  await ask(session.create('/tls/a', { ephemeral: true }));
  expect(await server.raw.get('/tls/a')).toBeDefined();
  await ask(session.remove('/tls/a'));
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

describe('certificates and keys', () => {
  it('are files, texts or bytes', async () => {
    const texts = server.tls!;
    const bytes = {
      ca: Buffer.from(texts.ca),
      cert: new TextEncoder().encode(texts.cert),
      key: Buffer.from(texts.key),
    };
    for (const tls of [files, texts, bytes, { ...files, ca: texts.ca }]) {
      await works(troupe.follow(server.address, { ...ROOT, tls }));
    }
  });

  it('are parameters of the address', async () => {
    const query = Object.entries<string>({ ...files })
      .map(([name, path]) => `${name}=${encodeURIComponent(path)}`)
      .join('&');
    for (const parameters of [query, `${query}&tls=true`, `${query}&tls=true&serverName=localhost`]) {
      const registry = createRegistry(`etcd://root:r00t@${server.address}?${parameters}`);
      const registration = new RegistrationRecord(registry, 'dubbo://a:1/tls.Address');
      expect(await server.raw.get(await registration.registered())).toBeDefined();
      await registry.close();
    }
    const plain = createRegistry(`etcd://root:r00t@${server.address}?${query}&tls=false`);
    expect(await causeOf(follow(plain))).toContain('add "tls=true"');
    await plain.close();
  });

  it('are read anew for each attempt: one that is renewed meanwhile is taken', async () => {
    const [cert, key] = [join(folder, 'renewed.crt'), join(folder, 'renewed.key')];
    const wrong = stranger.issue('client');
    await writeFile(cert, wrong.cert);
    await writeFile(key, wrong.key);
    const probe = troupe.follow(server.address, { ...ROOT, tls: { ca: files.ca, cert, key } });
    await causeOf(probe);
    await writeFile(cert, server.tls!.cert);
    await writeFile(key, server.tls!.key);
    await works(probe);
  });

  it('no flap: carry a session on over restarts and cuts', async () => {
    const { proxy, probe, session } = await troupe.join(server.port, { ...ROOT, tls: files });
    const node = await ask(session.create('/tls/kept', { ephemeral: true }));
    proxy.dropConnections();
    await eventually(() => expect(probe.statuses).toHaveLength(4), { withinMs: SOON_MS });
    await server.restart();
    await eventually(() => expect(probe.statuses).toHaveLength(6), { withinMs: SOON_MS });
    expect(await probe.session()).toBe(session);
    expect(await ask(session.read('/tls/kept'))).toEqual(node);
  });
});

describe('a certificate that names a user', () => {
  it('is a login: nobody has to say more, and that one may not do everything is no refusal', async () => {
    await using guarded = await startEtcd({ tls: 'mutual' });
    // The name in the certificate; it may read what is not in its registry as little as the root of all.
    await guarded.users.add('client', 'unused', { '/dubbo': 'READWRITE' });
    await guarded.users.enable('r00t');
    const probe = troupe.follow(guarded.address, { tls: guarded.tls! });
    const session = await probe.session();
    await ask(session.create('/dubbo/a', { ephemeral: true }));
    expect(await ask(session.list('/dubbo'))).toEqual(['a']);
    expect(await refusalOf(session.create('/other'))).toBe('NOT_AUTHORIZED');
  });
});

describe('trouble with TLS', () => {
  it.each<[string, () => EtcdOptions, RegExp]>([
    [
      'a server whom the given authority has not certified',
      () => ({ tls: { ...files, ca: stranger.cert } }),
      /unable to verify the first certificate|certificate signature failure|self.signed certificate/,
    ],
    [
      'a server whom none of the usual authorities has certified',
      () => ({ tls: {} }),
      /unable to verify the first certificate/,
    ],
    [
      'a server that is certified for another name',
      () => ({ tls: { ...files, serverName: 'etcd.example' } }),
      /Hostname\/IP does not match certificate's altnames: Host: etcd\.example/,
    ],
    [
      'no certificate of our own',
      () => ({ tls: { ca: files.ca } }),
      /alert bad certificate|alert certificate required/,
    ],
    [
      'a certificate of our own that the server does not trust',
      () => ({ tls: { ca: files.ca, ...stranger.issue('client') } }),
      /alert (bad|unknown) c(ertificate|a)/,
    ],
    ['no TLS with a server that wants it', () => ({}), /Failed to connect/],
  ])('is told as the cause, attempt by attempt: %s', async (_, options, words) => {
    expect(await causeOf(troupe.follow(server.address, { ...ROOT, ...options() }))).toMatch(words);
  });

  it('is told as the cause, attempt by attempt: TLS with a server that does not talk it', async () => {
    await using plain = await startEtcd();
    expect(await causeOf(troupe.follow(plain.address, { tls: files }))).toMatch(
      /wrong version number|packet length|before secure TLS connection was established/,
    );
  });

  it.each<[string, () => unknown, string]>([
    ['a file that is not there', () => ({ ca: join(folder, 'absent.pem') }), 'tls.ca'],
    ['a folder', () => ({ ca: folder }), 'tls.ca'],
    ['a file that holds something else', () => ({ ...files, cert: join(folder, 'other.txt') }), 'tls.cert'],
    ['bytes that are something else', () => ({ ...files, key: Buffer.from('s3cret') }), 'tls.key'],
    ['a text that is neither', () => ({ ...files, key: 's3cret' }), 'tls.key'],
    ['a number', () => ({ ca: 7 }), 'tls.ca'],
    ['a certificate without its key', () => ({ ...files, key: undefined }), 'tls.key'],
    ['a key without its certificate', () => ({ ...files, cert: undefined }), 'tls.cert'],
  ])('is refused at once: %s', async (_, tls, option) => {
    await writeFile(join(folder, 'other.txt'), 's3cret');
    const make = (): Backend => etcd(server.address, { tls: tls() as NonNullable<EtcdOptions['tls']> });
    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(
      expect.objectContaining({ option, message: expect.stringContaining(`\`${option}\``) as string }),
    );
  });

  it.each([
    ['ca=%2Fnowhere%2Fca.pem', /`tls\.ca`.*\/nowhere\/ca\.pem \(ENOENT\)/],
    ['cert=%2Fnowhere%2Fclient.crt', /`tls\.key`/],
  ])('is refused for good, of an address with %s', async (parameters, words) => {
    const registry = createRegistry(`etcd://${server.address}?${parameters}`);
    const probe = follow(registry);
    const registration = new RegistrationRecord(registry, 'dubbo://a:1/tls.Refused');
    for (const each of [probe, registration]) {
      await eventually(() => expect(each.error).toBeInstanceOf(InvalidOptionError));
      expect((each.error as Error).message).toMatch(words);
    }
    await registry.close();
  });
});

describe('keys and passwords', () => {
  it('are nowhere in what is logged or told', async () => {
    using log = new DebugLines();
    const secrets = [server.tls!.key, stranger.issue('client').key].map((key) => key.split('\n')[1]!);
    const probes = [
      troupe.follow(server.address, { ...ROOT, tls: server.tls! }),
      troupe.follow(server.address, { ...ROOT, tls: { ca: server.tls!.ca, ...stranger.issue('client') } }),
      troupe.follow(server.address, { ...ROOT, tls: { ...server.tls!, ca: stranger.cert } }),
    ];
    await works(probes[0]!);
    for (const probe of probes.slice(1)) await causeOf(probe);
    const told = probes.flatMap(({ trace }) => trace.filter(({ status }) => status === 'connecting'));
    const text = `${log.text}\n${inspect(told, { depth: 8 })}`;
    expect(log.lines.length).toBeGreaterThan(10);
    for (const secret of [...secrets, 'r00t']) expect(text).not.toContain(secret);
  });

  it('are not in what is said of a key that cannot be read as one', () => {
    const [begin, ...lines] = server.tls!.key.split('\n');
    const secret = lines[0]!.slice(0, 12);
    // Without its first line, all in one line, with a slip in its first line.
    for (const key of [lines.join('\n'), lines.join(''), [begin!.replace('BEGIN', 'BEGAN'), ...lines].join('\n')]) {
      for (const pem of [key, Buffer.from(key)]) {
        expect(() => etcd(server.address, { tls: { ...files, key: pem } })).toThrow(
          expect.objectContaining({ option: 'tls.key', message: expect.not.stringContaining(secret) as string }),
        );
      }
    }
  });
});
