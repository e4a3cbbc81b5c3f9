import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry } from '../../../lib/index.js';
import { type DiagnoseOptions, diagnose, type Finding } from '../../../lib/doctor/index.js';
import { parseRegistryAddress } from '../../../lib/dubbo/index.js';
import { CertificateAuthority } from '../../support/servers/certificateAuthority.js';
import { startEtcd } from '../../support/servers/etcdServer.js';

const PROVIDER = 'dubbo://10.0.0.1:20880/com.acme.Users?application=users';

async function examine(address: string, options: Partial<DiagnoseOptions> = {}) {
  const registry = createRegistry(address);
  onTestFinished(() => registry.close());
  return diagnose({ address: parseRegistryAddress(address), registry, timeoutMs: 5_000, ...options });
}

const idsOf = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id).sort();

describe('the doctor, of an etcd server', () => {
  it('finds nothing at one that is well, and tells what it is', async () => {
    await using server = await startEtcd();
    const registry = createRegistry(`etcd://${server.address}`);
    onTestFinished(() => registry.close());
    await registry.provide(PROVIDER);
    const { facts, findings } = await examine(`etcd://${server.address}`, { write: true });
    expect(findings).toEqual([]);
    expect(facts.servers).toMatchObject([{ address: server.address, watches: 'on prefixes' }]);
    expect(facts.servers[0]!.version).toMatch(/^3\.\d+\.\d+$/);
    expect(facts.contents).toEqual({ services: 1, providers: 1, consumers: 0 });
    expect((await server.raw.range('/dubbo')).filter(({ key }) => key.includes('Trial'))).toEqual([]);
  });

  it('finds an address of several that does not answer, and a version outside the table', async () => {
    await using server = await startEtcd();
    const address = `etcd://${server.address},127.0.0.1:1`;
    const { findings } = await examine(address, { testedLines: { etcd: ['2.3'] } });
    expect(idsOf(findings)).toEqual(['ADDRESS_UNREACHABLE', 'VERSION_UNTESTED']);
    expect(findings[0]!.spots[0]!.where).toBe('127.0.0.1:1');
  });

  it('finds a wrong password, and a right that is missing to read or to write', async () => {
    await using server = await startEtcd({ rootPassword: 'r00t' });
    await server.users.add('reader', 'pw', { '/dubbo': 'READ' });
    await server.users.add('nobody', 'pw', { '/elsewhere': 'READWRITE' });
    const wrong = await examine(`etcd://reader:hunter2@${server.address}`);
    expect(idsOf(wrong.findings)).toEqual(['LOGIN_REFUSED']);
    expect(JSON.stringify(wrong)).not.toContain('hunter2');

    const reader = `etcd://reader:pw@${server.address}`;
    expect(idsOf((await examine(reader)).findings)).toEqual([]);
    const { findings } = await examine(reader, { write: true });
    expect(idsOf(findings)).toEqual(['RIGHT_MISSING']);
    expect(findings[0]!.spots[0]!.where).toMatch(/^\/dubbo\//);

    const nobody = await examine(`etcd://nobody:pw@${server.address}`);
    expect(nobody.findings).toMatchObject([{ id: 'RIGHT_MISSING', spots: [{ where: '/dubbo' }] }]);
  });

  it('finds TLS that is asked of a plain port', async () => {
    await using server = await startEtcd();
    const { findings } = await examine(`etcd://${server.address}?tls=true`, { timeoutMs: 1_000 });
    expect(idsOf(findings)).toEqual(['NO_CONNECTION', 'TLS_NOT_SPOKEN']);
  });

  it('finds TLS that is not asked for, and a certificate that ends soon or that nobody trusts', async () => {
    await using server = await startEtcd({ tls: 'mutual' });
    const plain = await examine(`etcd://${server.address}`, { timeoutMs: 1_000 });
    expect(idsOf(plain.findings)).toEqual(['NO_CONNECTION', 'TLS_NOT_ASKED']);

    const folder = await mkdtemp(join(tmpdir(), 'rx-registry-doctor-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = async (name: string, pem: string): Promise<string> => {
      await writeFile(join(folder, name), pem);
      return `${name}=${encodeURIComponent(join(folder, name))}`;
    };
    const parameters = [await file('cert', server.tls!.cert), await file('key', server.tls!.key)];
    const trusting = [...parameters, await file('ca', server.tls!.ca)].join('&');
    const address = `etcd://${server.address}?tls=true&`;
    const { findings, facts } = await examine(address + trusting);
    // Certificates of specs are good for a day.
    expect(idsOf(findings)).toEqual(['TLS_EXPIRES']);
    expect(facts.servers[0]!.version).toBeDefined();
    const stranger = [...parameters, await file('ca', new CertificateAuthority('another').cert)].join('&');
    expect(idsOf((await examine(address + stranger, { timeoutMs: 1_000 })).findings)).toEqual([
      'NO_CONNECTION',
      'TLS_REFUSED',
    ]);
  });
});
