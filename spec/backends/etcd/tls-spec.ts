import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { etcd } from '../../../lib/backends/etcd/index.js';
import { readTls } from '../../../lib/backends/etcd/tls.js';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('readTls', () => {
  it('takes the text, the bytes and the path of a PEM file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tls-')), 'ca.pem');
    writeFileSync(file, PEM);
    for (const ca of [PEM, Buffer.from(PEM), new Uint8Array(Buffer.from(PEM)), file]) {
      expect(readTls({ ca }).rootCertificate.toString()).toBe(PEM);
    }
    expect(readTls({ cert: PEM, key: PEM })).toMatchObject({
      certChain: Buffer.from(PEM),
      privateKey: Buffer.from(PEM),
    });
    expect(readTls({}).rootCertificate).toBeUndefined();
  });

  it.each([
    [{ ca: '/nowhere/ca.pem' }, 'tls.ca', 'ENOENT'],
    [{ ca: Buffer.from('secret') }, 'tls.ca', 'something else'],
    [{ ca: 7 as never }, 'tls.ca', '7'],
    [{ cert: PEM }, 'tls.key', 'together'],
    [{ key: PEM }, 'tls.cert', 'together'],
  ])('refuses %j at once, naming the option', (tls, option, text) => {
    const make = () => etcd('127.0.0.1:1', { tls });
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option }) as Error);
    expect(make).toThrow(text);
    expect(make).not.toThrow('secret');
  });
});

describe('the options of etcd', () => {
  it.each([
    [{ sessionTimeoutMs: 0 }, 'sessionTimeoutMs'],
    [{ sessionTimeoutMs: 1.5 }, 'sessionTimeoutMs'],
    [{ maxMessageBytes: -1 }, 'maxMessageBytes'],
    [{ maxMessageBytes: 65_535 }, 'maxMessageBytes'],
    [{ maxMessageBytes: 2 ** 31 }, 'maxMessageBytes'],
    [{ maxMessageBytes: '1e6' as never }, 'maxMessageBytes'],
    [{ tuning: { callWindow: -1 } }, 'tuning.callWindow'],
    [{ tuning: { pageSize: Infinity } }, 'tuning.pageSize'],
    [{ tuning: { keysPerLease: '7' as never } }, 'tuning.keysPerLease'],
  ])('refuse %j', (options, option) => {
    expect(() => etcd('127.0.0.1:1', options)).toThrow(expect.objectContaining({ option }) as Error);
  });

  it('refuse a word for tls in the address that is no yes and no no', () => {
    expect(() => etcd('127.0.0.1:1?tls=maybe')).toThrow('tls');
  });
});
