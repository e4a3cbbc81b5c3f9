import { describe, expect, it } from 'vitest';
import { parseRegistryAddress } from '../../lib/dubbo/registryAddress.js';
import { InvalidOptionError, InvalidUrlError } from '../../lib/errors.js';

describe('parseRegistryAddress', () => {
  it('reads all there is', () => {
    expect(
      parseRegistryAddress(
        'ZooKeeper://app:p%40ss%2B+@h1:2181/app/x?backup=h2:2182,[::1]:2183&group=/shop&namespace=shop&base64=true&timeout=3000&session=10000&client=a%26b',
      ),
    ).toEqual({
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
      parameters: new Map([['client', 'a&b']]),
    });
  });

  it('leaves open what is not said', () => {
    expect(parseRegistryAddress('zookeeper://h')).toEqual({
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
    ['nacos://a:8848', ['a:8848']],
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
    expect(parseRegistryAddress('memory://?session=500')).toMatchObject({ name: '', sessionTimeoutMs: 500 });
  });

  it('takes __proto__ for a parameter like any other', () => {
    expect(parseRegistryAddress('memory://?__proto__=a').parameters.get('__proto__')).toBe('a');
  });

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
    ['nacos://h', 'a port for each server'],
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
    ['session=2147483648', 'session'],
  ])('names the option in %s', (query, option) => {
    const call = () => parseRegistryAddress(`zookeeper://h?${query}`);
    expect(call).toThrow(InvalidOptionError);
    expect(call).toThrow(expect.objectContaining({ option }));
    expect(call).toThrow('a whole number of milliseconds');
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
