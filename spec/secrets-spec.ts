import { describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../lib/backends/etcd/index.js';
import { zookeeper, type ZooKeeperOptions } from '../lib/backends/zookeeper/index.js';
import { parseRegistryAddress } from '../lib/dubbo/registryAddress.js';
import { createConfigCenter, createRegistry, ServiceUrl } from '../lib/index.js';
import { CertificateAuthority } from './support/servers/certificateAuthority.js';
import { leaksOf, secret } from './support/secrets.js';

const PASSWORD = 'S3cr3t-pw';
const { cert, key } = new CertificateAuthority('an authority').issue('client');
const [, ...lines] = key.split('\n');
/** The key without its first line, as somebody may paste it. */
const BARE_KEY = lines.join('\n');
const SECRETS = [
  secret('the password', PASSWORD),
  secret('the key', lines[0]!),
  secret('its start', lines[0]!.slice(0, 12)),
];

const ADDRESSES = [
  `zookeeper://app:${PASSWORD}@h:2181`,
  `etcd://app:${PASSWORD}@h:2379?tls=true`,
  `zookeeper://app:${PASSWORD}@h:2181?cert=${encodeURIComponent(cert)}&key=${encodeURIComponent(key)}`,
  `etcd://app:${PASSWORD}@h:2379?cert=${encodeURIComponent(cert)}&key=${encodeURIComponent(key)}`,
];
const ETCD: EtcdOptions = { username: 'app', password: PASSWORD, tls: { cert, key } };
const ZOOKEEPER: ZooKeeperOptions = { username: 'app', password: PASSWORD, tls: { cert, key } };

/** What is wrong with these is told before anything is connected, by what makes them or by the first subscription. */
const ILL_ADDRESSES = ['zookeeper', 'etcd', 'redis'].flatMap((scheme) =>
  [
    `app:${PASSWORD}@`,
    `app:${PASSWORD}@h:99999`,
    `app:${PASSWORD}@[::1`,
    `app:${PASSWORD}@h?session=abc`,
    `app:${PASSWORD}@h?timeout=-1`,
    `app:${PASSWORD}@h?tls=maybe`,
    `app:${PASSWORD}@h?key=${encodeURIComponent(key)}`,
    `app:${PASSWORD}@h?cert=a&key=${encodeURIComponent(BARE_KEY)}`,
    `:${PASSWORD}@h`,
    `app:a@${PASSWORD}@h/a//b`,
    `app:%zz${PASSWORD}@h`,
    `h?password=${PASSWORD}`,
    `h?token=${PASSWORD}`,
    `app:${PASSWORD}@h|${scheme}://app:${PASSWORD}@g`,
  ].map((rest) => `${scheme}://${rest}`),
);

const ILL_CALLS: Readonly<Record<string, () => unknown>> = {
  'a list of addresses': () => createRegistry([`etcd://app:${PASSWORD}@h`] as never),
  'an address that is an URL': () => createRegistry(new URL(`etcd://app:${PASSWORD}@h`) as never),
  'the same for a configuration center': () => createConfigCenter(new URL(`etcd://app:${PASSWORD}@h`) as never),
  'an address for options': () => createRegistry('etcd://h', `etcd://app:${PASSWORD}@h` as never),
  'etcd on no port': () => etcd(`app:${PASSWORD}@:0`),
  'ZooKeeper on no port': () => zookeeper(`app:${PASSWORD}@:0`),
  'a key for TLS options of ZooKeeper': () => zookeeper('h', { ...ZOOKEEPER, tls: key as never }),
  'a bare key for a key on ZooKeeper': () => zookeeper('h', { tls: { cert, key: BARE_KEY } }),
  'a key for TLS options': () => etcd('h', { ...ETCD, tls: key as never }),
  'a bare key for TLS options': () => etcd('h', { ...ETCD, tls: BARE_KEY as never }),
  'a bare key for an authority': () => etcd('h', { ...ETCD, tls: { ca: BARE_KEY } }),
  'one in a single line': () => etcd('h', { ...ETCD, tls: { ca: lines.join('') } }),
  'one in an address': () => createRegistry(`etcd://app:${PASSWORD}@h?ca=${encodeURIComponent(BARE_KEY)}`),
  'a bare key for a certificate': () => etcd('h', { ...ETCD, tls: { cert: lines.join(' '), key } }),
  'a key without a certificate': () => etcd('h', { ...ETCD, tls: { key } }),
  'a key in an object': () => etcd('h', { ...ETCD, tls: { cert, key: { pem: key } as never } }),
  'a key for a number': () => etcd('h', { ...ETCD, tuning: { pageSize: key as never } }),
  'an ACL that lets nobody read': () =>
    zookeeper('h', { ...ZOOKEEPER, acl: [{ scheme: 'digest', id: `x:${PASSWORD}`, permissions: 2 }] }),
};

describe('the check for secrets', () => {
  it.each(
    Object.entries({
      text: PASSWORD,
      nested: { deep: { er: [PASSWORD] } },
      map: new Map([['a', PASSWORD]]),
      hidden: Object.defineProperty({}, 'hidden', { value: PASSWORD }),
      bytes: { bytes: Buffer.from(PASSWORD) },
      'typed array': [new Uint8Array(Buffer.from(PASSWORD))],
      toString: { toString: () => PASSWORD },
      toJSON: { toJSON: () => PASSWORD },
      message: new Error(`wrong: ${PASSWORD}`),
      cause: new Error('wrong', { cause: new Error(PASSWORD) }),
    }),
  )('finds one in a %s', (_, value) => {
    expect(leaksOf(value, SECRETS)).not.toEqual([]);
    expect(leaksOf(value, [secret('another', 'something-else')])).toEqual([]);
  });
});

// Once they are connected: see the specs of secrets on real servers.
describe('secrets', () => {
  it.each(ADDRESSES.map((address, index) => [index, address] as const))('are not shown by address %i', (_, address) => {
    const parsed = parseRegistryAddress(address);
    expect(parsed.password).toBe(PASSWORD);
    expect(leaksOf(parsed, SECRETS)).toEqual([]);
  });

  it('are not shown by what is made with them', () => {
    const made = {
      registries: ADDRESSES.map((address) => createRegistry(address)),
      'configuration centers': ADDRESSES.map((address) => createConfigCenter(address)),
      etcd: etcd('h', ETCD),
      zookeeper: zookeeper('h', ZOOKEEPER),
      'on etcd': [createRegistry(etcd('h', ETCD)), createConfigCenter(etcd('h', ETCD))],
      'on ZooKeeper': [createRegistry(zookeeper('h', ZOOKEEPER)), createConfigCenter(zookeeper('h', ZOOKEEPER))],
    };
    for (const each of Object.values(made).flat()) {
      expect(leaksOf(each, SECRETS)).toEqual([]);
      expect(leaksOf([each.states, each.warnings], SECRETS)).toEqual([]);
    }
  });

  it('are not shown by the error for an address that cannot be used', async () => {
    const shown: unknown[] = [];
    for (const address of ILL_ADDRESSES) {
      for (const make of [createRegistry, createConfigCenter]) {
        const error = await refusalOf(() => make(address));
        const leaks = error === undefined ? ['nothing refused it'] : leaksOf(error, SECRETS);
        if (leaks.length > 0) shown.push([make.name, address, leaks, String(error)]);
      }
    }
    expect(shown).toEqual([]);
  });

  it.each(Object.entries(ILL_CALLS))('are not shown by the error for %s', async (_, call) => {
    const error = await refusalOf(call);
    expect(error).toBeInstanceOf(Error);
    expect(leaksOf(error, SECRETS)).toEqual([]);
  });

  it.each(['password', 'token', 'db.password', 'accessSecret', 'secretKey', 'access_token', 'PASSWD'])(
    'of a service are shown neither by console.log nor in messages: the parameter %s',
    (name) => {
      const url = ServiceUrl.parse(`dubbo://app:${PASSWORD}@h:20880/a.B?${name}=${PASSWORD}&version=1.0`);
      // What is registered has them; its text and its JSON are for logs.
      expect(ServiceUrl.parse(url.toFullString()).equals(url)).toBe(true);
      expect(String(url) + JSON.stringify(url)).not.toContain(PASSWORD);
      expect(leaksOf(url, SECRETS)).not.toContain('inspect shows the password');
      expect(leaksOf(new Map([[url, [url]]]), SECRETS)).not.toContain('inspect shows the password');
    },
  );
});

/** What a call throws, or what it made tells its first subscriber; `undefined` if it would go on to connect. */
async function refusalOf(call: () => unknown): Promise<unknown> {
  let made;
  try {
    made = call() as ReturnType<typeof createRegistry>;
  } catch (error) {
    return error;
  }
  return new Promise((told) => made.states.subscribe({ next: () => told(undefined), error: told }));
}
