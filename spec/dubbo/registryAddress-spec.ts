import { describe, expect, it } from 'vitest';
import { parseRegistryAddress } from '../../lib/dubbo/registryAddress.js';
import { InvalidOptionError, InvalidUrlError } from '../../lib/errors.js';

describe('parseRegistryAddress', () => {
  it('reads all there is', () => {
    expect(
      parseRegistryAddress(
        'ZooKeeper://app:p%40ss%2B+@h1:2181/app/x?backup=h2:2182,[::1]:2183&group=/shop&namespace=shop&base64=true&timeout=3000&session=10000&client=a%26b',
      ),
    ).toMatchObject({
      protocol: 'zookeeper',
      hosts: [
        { host: 'h1', port: 2181 },
        { host: 'h2', port: 2182 },
        { host: '::1', port: 2183 },
      ],
      name: undefined,
      path: '/app/x',
      username: 'app',
      password: 'p@ss++',
      group: '/shop',
      namespace: 'shop',
      base64: true,
      timeoutMs: 3000,
      sessionTimeoutMs: 10_000,
      parameters: new Map(),
    });
  });

  it('leaves open what is not said', () => {
    expect(parseRegistryAddress('zookeeper://h')).toMatchObject({
      protocol: 'zookeeper',
      hosts: [{ host: 'h', port: 2181 }],
      name: undefined,
      path: '',
      username: undefined,
      password: undefined,
      group: undefined,
      namespace: undefined,
      base64: undefined,
      timeoutMs: undefined,
      sessionTimeoutMs: undefined,
      parameters: new Map(),
    });
  });

  it.each([
    ['etcd://a:1,b:2', ['a:1', 'b:2']],
    ['etcd://a, b', ['a:2379', 'b:2379']],
    ['zookeeper://[::1]', ['::1:2181']],
    ['zookeeper://[::1]:7', ['::1:7']],
    ['zookeeper://fe80::1:7', ['fe80::1:7']],
    ['zookeeper://a:1,b:2?backup=c:3', ['a:1', 'b:2', 'c:3']],
    ['zookeeper://a?backup=', ['a:2181']],
  ])('reads the servers of %s', (text, servers) => {
    expect(parseRegistryAddress(text).hosts.map(({ host, port }) => `${host}:${port}`)).toEqual(servers);
  });

  it.each([
    ['zookeeper://h', ''],
    ['zookeeper://h/', ''],
    ['zookeeper://h/app', '/app'],
    ['zookeeper://h/app/', '/app'],
    ['zookeeper://h/org.apache.dubbo.registry.RegistryService?group=g', ''],
  ])('reads the chroot of %s', (text, path) => {
    expect(parseRegistryAddress(text).path).toBe(path);
  });

  it('reads the name of a registry in memory', () => {
    expect(parseRegistryAddress('memory://demo')).toMatchObject({ protocol: 'memory', name: 'demo', hosts: [] });
    expect(parseRegistryAddress('memory://?session=5000')).toMatchObject({ name: '', sessionTimeoutMs: 5_000 });
  });

  it('hands what only the backend reads on to it', () => {
    for (const scheme of ['etcd', 'zookeeper']) {
      const { parameters } = parseRegistryAddress(`${scheme}://h?tls=true&ca=%2Fca.pem&client=x&group=g`);
      expect(parameters).toEqual(new Map(Object.entries({ tls: 'true', ca: '/ca.pem' })));
    }
  });

  it('ignores what Java and Go write of the program that has the address', () => {
    const ofJava =
      'application=shop&check=false&client=curator5&dubbo=2.0.2&dynamic=true&file=/tmp/x.cache&id=r&interface=org.apache.dubbo.registry.RegistryService' +
      '&owner=a&path=org.apache.dubbo.registry.RegistryService&pid=1&protocol=dubbo&qos.port=22222&register=true&register-mode=all' +
      '&registry=zookeeper&registry-cluster=r&release=3.3.6&simplified=true&subscribe=true&timestamp=1700000000000&transporter=netty&version=1';
    const ofGo =
      'registry=zookeeper&registry.role=0&registry.label=true&registry.preferred=false&registry.zone=&registry.weight=0&registry.ttl=10s' +
      '&registry.type=interface&registry.client.name=dubbo.registries-zookeeper-h&simplified=false';
    for (const query of [ofJava, ofGo]) {
      for (const scheme of ['zookeeper', 'etcd', 'memory']) {
        expect(parseRegistryAddress(`${scheme}://h?${query}`).parameters).toEqual(new Map());
      }
    }
  });

  it.each([
    // Slips, each with what was meant.
    ['zookeeper://h?sesion=30000', 'got "sesion" in a zookeeper:// address, did you mean "session"?'],
    ['zookeeper://h?Session=30000', 'did you mean "session"?'],
    ['zookeeper://h?sessionTimeout=30000', 'did you mean "session"?'],
    ['zookeeper://h?timeoutMs=1', 'did you mean "timeout"?'],
    ['zookeeper://h?gruop=shop', 'did you mean "group"?'],
    ['zookeeper://h?registry.group=shop', 'did you mean "group"?'],
    ['zookeeper://h?namespce=shop', 'did you mean "namespace"?'],
    ['zookeeper://h?backups=g', 'did you mean "backup"?'],
    ['etcd://h?tsl=true', 'did you mean "tls"?'],
    ['etcd://h?servername=a', 'did you mean "serverName"?'],
    ['memory://?base_64=true', 'did you mean "base64"?'],
    // What is read for another scheme: encryption that was asked for is not left out.
    ['memory://a?tls=true', 'got "tls" in a memory:// address, which only zookeeper:// and etcd:// addresses have'],
    ['memory://a?ca=/ca.pem', 'which only zookeeper:// and etcd:// addresses have'],
    ['memory://a?backup=b', 'which is none of base64, group, namespace, session, timeout.'],
    // What nobody could mean.
    [
      'zookeeper://h?secure=true',
      'which is none of backup, base64, ca, cert, group, key, namespace, serverName, session, timeout, tls.',
    ],
    ['memory://?__proto__=a', 'got "__proto__"'],
    ['zookeeper://h?dynamic=false', 'which is always true here: leave it out.'],
    ['zookeeper://h?register=false', 'which is always true here'],
    ['zookeeper://h?username=app&password=secret', 'which stands before the servers: zookeeper://user:password@host'],
    ['etcd://h?password=secret', 'which stands before the servers: etcd://user:password@host'],
  ])('refuses what nobody reads in %s', (text, message) => {
    expect(() => parseRegistryAddress(text)).toThrow(InvalidUrlError);
    expect(() => parseRegistryAddress(text)).toThrow(message);
  });

  it('a backend alone reads no more than it can use', () => {
    expect(parseRegistryAddress('etcd://h,g?tls=true&session=5000&client=x', 'backend').sessionTimeoutMs).toBe(5_000);
    for (const name of ['group', 'namespace', 'timeout', 'base64']) {
      const parse = () => parseRegistryAddress(`etcd://h?${name}=1`, 'backend');
      expect(parse).toThrow(InvalidUrlError);
      expect(parse).toThrow('which a backend does not read: give it to createRegistry or createConfigCenter');
    }
  });

  it.each(['etcds://h', 'consul://h', 'nacos://a:8848', 'redis://h', 'zk://h:2181', 'etcd3://h:2379', 'http://h:2379'])(
    'names the schemes that there are for %s',
    (text) => {
      expect(() => parseRegistryAddress(text)).toThrow(InvalidUrlError);
      expect(() => parseRegistryAddress(text)).toThrow('begins with zookeeper://, etcd:// or memory://');
      expect(() => parseRegistryAddress(text)).toThrow('tls=true');
    },
  );

  it.each([
    ['', 'such as zookeeper://host:2181'],
    ['h1:2181,h2:2181', 'such as zookeeper://host:2181'],
    ['N/A', 'such as zookeeper://host:2181'],
    ['zookeeper://', 'each server'],
    ['zookeeper://h:0x1', 'each server'],
    ['zookeeper://h:70000', 'each server'],
    ['zookeeper://h,,g', 'each server'],
    ['zookeeper://h?backup=g,', 'each server'],
    ['zookeeper://h g', 'each server'],
    ['zookeeper://h/a//b', 'path without empty'],
    ['zookeeper://h/a/../b', 'path without empty'],
    ['zookeeper://h?flag', 'to be name=value'],
    ['zookeeper://h?group=%zz', 'two hex digits'],
    ['zookeeper://u%:p@h', 'two hex digits'],
    ['zookeeper://:p@h', 'a user name before the password'],
    ['zookeeper://h\0', 'without control characters'],
    ['zookeeper://h;zookeeper://g', 'several, separated by ";" or "|", are not supported'],
    ['zookeeper://h|etcd://g', 'several, separated by ";" or "|", are not supported'],
    ['memory://a,b', 'memory:// or memory://name'],
    ['memory://a:1', 'memory:// or memory://name'],
    ['memory://user:pw@a', 'memory:// or memory://name'],
    ['memory://a/b', 'memory:// or memory://name'],
  ])('refuses %j', (text, message) => {
    expect(() => parseRegistryAddress(text)).toThrow(InvalidUrlError);
    expect(() => parseRegistryAddress(text)).toThrow(message);
  });

  it.each([
    ['timeout=abc', 'timeout'],
    ['timeout=0', 'timeout'],
    ['timeout=-1', 'timeout'],
    ['timeout=1.5', 'timeout'],
    ['timeout=1e3', 'timeout'],
    ['session=5s', 'session'],
    ['session=abc', 'session'],
    ['session=0', 'session'],
    ['session=999', 'session'],
    ['session=3600001', 'session'],
    ['session=2147483647', 'session'],
    ['session=2147483648', 'session'],
    ['session=30000.5', 'session'],
    ['timeout=2147483648', 'timeout'],
  ])('names the option in %s', (query, option) => {
    const call = () => parseRegistryAddress(`zookeeper://h?${query}`);
    expect(call).toThrow(InvalidOptionError);
    expect(call).toThrow(expect.objectContaining({ option }));
    expect(call).toThrow('a whole number of milliseconds');
  });

  it('takes sessions from a second to an hour, and says what seconds are', () => {
    expect(parseRegistryAddress('etcd://h?session=1000').sessionTimeoutMs).toBe(1_000);
    expect(parseRegistryAddress('etcd://h?session=3600000').sessionTimeoutMs).toBe(3_600_000);
    expect(() => parseRegistryAddress('etcd://h?session=30')).toThrow(
      'Expected option `session` to be a whole number of milliseconds from 1000 to 3600000 (30 seconds are 30000), got 30',
    );
  });

  it.each([
    ['etcd://h?tls=yes', 'tls', '"true" or "false"'],
    ['etcd://h?tls=', 'tls', '"true" or "false"'],
    ['etcd://h?tls=TRUE', 'tls', '"true" or "false"'],
    ['zookeeper://h?tls=yes', 'tls', '"true" or "false"'],
    ['etcd://h?tls=true&ca=', 'ca', 'given, or left out'],
    ['etcd://h?tls=true&key=', 'key', 'given, or left out'],
    ['zookeeper://h?base64=yes', 'base64', '"true" or "false"'],
  ])('refuses the value in %s', (text, option, expected) => {
    expect(() => parseRegistryAddress(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option }));
    expect(() => parseRegistryAddress(text)).toThrow(expected);
  });

  it.each([
    'zookeeper://app:secret@h:x',
    'zookeeper://app:secret%@h',
    'zookeeper://app:secret;@h',
    'zookeeper://app:sec/secret@h',
    'zookeeper://app:sec?secret@h',
    'zookeeper://app:sec@secret@h:x',
    'app:secret@h',
    'zookeeper://app:secret@h?timeout=x',
    'zookeeper://:secret@h',
    'zookeeper://app:secret@h/a//b',
    'nacos://h?password=secret',
  ])('never shows the password of %s', (text) => {
    expect(() => parseRegistryAddress(text)).toThrow();
    expect(() => parseRegistryAddress(text)).not.toThrow('secret');
  });
});
