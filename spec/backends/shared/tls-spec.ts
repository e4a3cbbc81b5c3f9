import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { etcd } from '../../../lib/backends/etcd/index.js';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { readTls, tlsFor } from '../../../lib/backends/shared/tls.js';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('readTls', () => {
  it('takes the text, the bytes and the path of a PEM file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tls-')), 'ca.pem');
    writeFileSync(file, PEM);
    for (const ca of [PEM, Buffer.from(PEM), new Uint8Array(Buffer.from(PEM)), file]) {
      expect(readTls({ ca }).ca?.toString()).toBe(PEM);
    }
    expect(readTls({ cert: PEM, key: PEM })).toMatchObject({
      cert: Buffer.from(PEM),
      key: Buffer.from(PEM),
    });
    expect(readTls({})).toEqual({});
  });

  it.each([
    [{ ca: '/nowhere/ca.pem' }, 'tls.ca', 'ENOENT'],
    [{ ca: Buffer.from('secret') }, 'tls.ca', 'something else'],
    [{ ca: 7 as never }, 'tls.ca', '7'],
    [{ cert: PEM }, 'tls.key', 'together'],
    [{ key: PEM }, 'tls.cert', 'together'],
    [{ serverName: '' }, 'tls.serverName', 'a host name'],
    [{ serverName: 7 as never }, 'tls.serverName', 'a host name'],
    [7 as never, 'tls', 'an object'],
  ])('refuses %j at once on both backends, naming the option', (tls, option, text) => {
    for (const backend of [etcd, zookeeper]) {
      const make = () => backend('127.0.0.1:1', { tls });
      expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option }) as Error);
      expect(make).toThrow(text);
      expect(make).not.toThrow('secret');
    }
  });
});

describe('tlsFor', () => {
  const address = (parameters: Record<string, string>) => new Map(Object.entries(parameters));

  it('takes options before the parameters of an address, any of which asks for encryption', () => {
    expect(tlsFor(undefined, address({}))).toBeUndefined();
    expect(tlsFor(undefined, address({ tls: 'false', serverName: 'a' }))).toBeUndefined();
    expect(tlsFor(undefined, address({ tls: 'true' }))?.read()).toEqual({});
    expect(tlsFor(undefined, address({ serverName: 'a' }))?.serverName).toBe('a');
    expect(tlsFor({ serverName: 'b' }, address({ serverName: 'a' }))?.serverName).toBe('b');
  });

  it('reads files anew, and what is absent while it is renewed costs one attempt, not the registry', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tls-')), 'ca.pem');
    writeFileSync(file, PEM);
    const tls = tlsFor({ ca: file }, address({}))!;
    rmSync(file);
    expect(() => tls.read()).toThrow(expect.objectContaining({ code: 'CONNECTION_LOST', retriable: true }) as Error);
    expect(() => tls.read()).toThrow(file);
    writeFileSync(file, `${PEM}renewed`);
    expect(tls.read().ca?.toString()).toBe(`${PEM}renewed`);
  });
});
