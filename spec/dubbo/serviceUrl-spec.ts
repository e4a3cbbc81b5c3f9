import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromNodeName, toNodeName } from '../../lib/dubbo/nodeName.js';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';
import { InvalidUrlError } from '../../lib/errors.js';
import { serviceUrls } from './arbitraries.js';
import { cpuMs } from '../support/cpuMs.js';

const parse = (text: string) => ServiceUrl.parse(text);

describe('ServiceUrl.parse', () => {
  it('takes a URL apart', () => {
    const url = parse('dubbo://user:pw@10.0.0.1:20880/com.foo.Bar?version=1.0&group=g');
    expect(url).toMatchObject({
      protocol: 'dubbo',
      username: 'user',
      password: 'pw',
      host: '10.0.0.1',
      port: 20880,
      path: 'com.foo.Bar',
      parameters: new Map([
        ['group', 'g'],
        ['version', '1.0'],
      ]),
    });
  });

  it.each([
    ['tri://[fe80::1]:50051/x', 'fe80::1', 50051],
    ['tri://[fe80::1]/x', 'fe80::1', undefined],
    ['tri://[::]:1', '::', 1],
    ['tri://fe80::1:20880/x', 'fe80::1', 20880],
    ['tri://fe80:::20880/x', 'fe80::', 20880],
    ['tri://::1/x', '::1', undefined],
    ['tri://2001:db8::abcd/x', '2001:db8::abcd', undefined],
    ['tri://[fe80::1%en0]:7/x', 'fe80::1%en0', 7],
    ['tri://fe80::1%en0/x', 'fe80::1%en0', undefined],
    ['tri://fe80::1%en0:7/x', 'fe80::1%en0', 7],
    ['dubbo://:20880/x', '', 20880],
    ['dubbo:///x', '', undefined],
    ['dubbo://h:0/x', 'h', undefined],
    ['dubbo://h', 'h', undefined],
    ['dubbo://h?a=b', 'h', undefined],
    ['dubbo://u:p@ss@h:1/x', 'h', 1],
    ['  dubbo://h:1/x\n', 'h', 1],
  ])('reads the address of %s', (text, host, port) => {
    expect(parse(text)).toMatchObject({ host, port });
  });

  it.each([
    ['dubbo://h//a//b', 'a//b'],
    ['dubbo://h/', ''],
    ['dubbo://h/x://y@z:1?q=/', 'x://y@z:1'],
  ])('reads the path of %s', (text, path) => {
    expect(parse(text).path).toBe(path);
  });

  it('lets the last of a repeated parameter win, and splits at its first "="', () => {
    expect([...parse('dubbo://h/x?a=1&b=c=d&&a=2&e=').parameters]).toEqual([
      ['a', '2'],
      ['b', 'c=d'],
      ['e', ''],
    ]);
  });

  it('takes __proto__ for a name like any other', () => {
    const url = parse('dubbo://h/x?__proto__=a&constructor=b');
    expect(url.parameter('__proto__')).toBe('a');
    expect(url.parameter('constructor')).toBe('b');
    expect(url.parameter('toString')).toBeUndefined();
    expect(url.toString()).toBe('dubbo://h/x?__proto__=a&constructor=b');
    expect(url.with({ parameters: { ['__proto__']: undefined } }).toString()).toBe('dubbo://h/x?constructor=b');
    expect(ServiceUrl.from({ protocol: 'dubbo', parameters: { ['__proto__']: 'z' } }).parameter('__proto__')).toBe('z');
  });

  it.each([
    ['', 'Expected a service URL such as dubbo://host:port/interface, got "".'],
    ['com.foo.Bar', 'such as dubbo://'],
    ['://h', 'such as dubbo://'],
    ['1x://h', 'such as dubbo://'],
    ['a?b://h', 'such as dubbo://'],
    ['dubbo://h:/x', 'port from 1 to 65535'],
    ['dubbo://h:x/x', 'port from 1 to 65535'],
    ['dubbo://h:65536/x', 'port from 1 to 65535'],
    ['dubbo://h:-1/x', 'port from 1 to 65535'],
    ['dubbo://h:1e3/x', 'port from 1 to 65535'],
    ['dubbo://fe80::1:123456/x', 'port from 1 to 65535'],
    ['dubbo://[::1/x', 'host or host:port'],
    ['dubbo://[h]:1/x', 'host or host:port'],
    ['dubbo://h\u0007/x', 'control characters'],
    ['dubbo://h/x\u007Fy', 'control characters'],
    ['dubbo://h/x?flag', 'each parameter of the service URL to be name=value'],
    ['dubbo://h/x?=v', 'each parameter of the service URL to be name=value'],
  ])('refuses %j', (text, message) => {
    expect(() => parse(text)).toThrow(InvalidUrlError);
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    'dubbo://user:secret@h:x/a',
    'dubbo://user:secret@h?flag',
    'user:secret@h:1',
    'dubbo:/user:secret@h',
    'dubbo://user:sec/secret@h:1',
    'dubbo://user:sec?secret@h:1',
    'dubbo://us er:secret@[h',
  ])('never shows the password of %s', (text) => {
    expect(() => parse(text)).toThrow(InvalidUrlError);
    expect(() => parse(text)).not.toThrow('secret');
  });

  it('returns a ServiceUrl as it is, and refuses what is no text', () => {
    const url = parse('dubbo://h');
    expect(ServiceUrl.parse(url)).toBe(url);
    expect(() => ServiceUrl.parse(7 as unknown as string)).toThrow('Expected a service URL, got number.');
  });

  it('takes linear time for a megabyte of anything', () => {
    const started = cpuMs();
    for (const unit of ['[', ':', '@', '/', '&', '=', '?', ' ', 'a://', '[:', ' x', '1', ',', '?a=']) {
      for (const head of ['', 'dubbo://', 'dubbo://[', 'dubbo://u:p@h/x?a=']) {
        try {
          parse(head + unit.repeat(1_000_000 / unit.length));
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidUrlError);
        }
      }
    }
    expect(cpuMs() - started).toBeLessThan(15_000);
  });
});

describe('ServiceUrl', () => {
  it('reads back its own text', () => {
    fc.assert(
      fc.property(serviceUrls, (url) => {
        // White space around a URL is not part of it.
        fc.pre(url.toFullString() === url.toFullString().trim());
        const again = parse(url.toFullString());
        expect(again.toFullString()).toBe(url.toFullString());
        expect(again.equals(url)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('writes as Java does: sorted by UTF-16 code unit, trimmed, unescaped, without port 0', () => {
    const url = ServiceUrl.from({
      protocol: 'dubbo',
      host: '10.0.0.1',
      port: 0,
      path: '/com.foo.Bar',
      parameters: { b: ' x y\t', a: '', B: '%&', '\u{1F600}': '1', '\uFFFD': '2' },
    });
    expect(url.toString()).toBe('dubbo://10.0.0.1/com.foo.Bar?B=%&&a=&b=x y&\u{1F600}=1&\uFFFD=2');
    expect(JSON.stringify({ url })).toBe(JSON.stringify({ url: url.toString() }));
  });

  it('trims what Java trims, and nothing else', () => {
    expect(
      parse('dubbo://h')
        .with({ parameters: { a: '\0 x\u00A0' } })
        .parameter('a'),
    ).toBe('x\u00A0');
  });

  it.each([
    [{ host: '::1', port: 1 }, '[::1]:1'],
    [{ host: '[::1]' }, '[::1]'],
    [{ host: 'h', port: 1 }, 'h:1'],
    [{ host: 'h' }, 'h'],
    [{ port: 1 }, ':1'],
  ])('has for %j the address %s', (parts, address) => {
    expect(ServiceUrl.from({ protocol: 'dubbo', ...parts }).address).toBe(address);
  });

  it.each([
    ['dubbo://h/com.foo.Bar', 'com.foo.Bar'],
    ['dubbo://h/path?interface=com.foo.Bar', 'com.foo.Bar'],
    ['dubbo://h/path?interface=', 'path'],
    ['dubbo://h/i?group=g&version=1', 'g/i:1'],
    ['dubbo://h/i?group=g', 'g/i'],
    ['dubbo://h/i?version=0.0.0', 'i:0.0.0'],
    ['dubbo://h/i?group=&version=', 'i'],
  ])('%s has the service key %s', (text, key) => {
    expect(parse(text).serviceKey).toBe(key);
  });

  it.each([
    ['dubbo', 'providers'],
    ['consumer', 'consumers'],
    ['override', 'configurators'],
    ['route', 'routers'],
    ['condition', 'routers'],
    ['script', 'routers'],
    ['constructor', 'providers'],
  ])('%s:// belongs to %s, unless it says otherwise', (protocol, category) => {
    expect(parse(`${protocol}://h/x`).category).toBe(category);
    expect(parse(`${protocol}://h/x?category=`).category).toBe(category);
    expect(parse(`${protocol}://h/x?category=mine`).category).toBe('mine');
  });

  it('tells an absent group from an empty one', () => {
    expect(parse('dubbo://h/x?group=').group).toBe('');
    expect(parse('dubbo://h/x').group).toBeUndefined();
    expect(parse('dubbo://h/x?version=').version).toBe('');
  });

  it('reads `default.x` for `x` where that is absent, as Java does for providers of Dubbo 2.5 and 2.6', () => {
    const text =
      'dubbo://h:1/i?default.group=g&default.timeout=5&default.version=1.0&default.weight=7&timeout=9&version=';
    const url = ServiceUrl.parse(text);
    expect([url.group, url.parameter('weight'), url.parameter('default.weight')]).toEqual(['g', '7', '7']);
    expect([url.parameter('timeout'), url.version, url.parameter('other')]).toEqual(['9', '', undefined]);
    expect(url.serviceKey).toBe('g/i');
    // The order in which they stand says nothing.
    expect(ServiceUrl.parse('dubbo://h/i?weight=1&default.weight=2').parameter('weight')).toBe('1');
    expect(ServiceUrl.parse('dubbo://h/i?default.default.weight=2').parameter('weight')).toBeUndefined();
    expect(ServiceUrl.parse('dubbo://h/x?default.interface=i&default.category=routers')).toMatchObject({
      interface: 'i',
      category: 'routers',
    });
  });

  it('keeps what it read of defaults as it stood', () => {
    const text = 'dubbo://10.0.0.1:20880/i?default.group=g&default.weight=7&pid=1&timestamp=2';
    expect(ServiceUrl.parse(text).toFullString()).toBe(text);
    expect([...ServiceUrl.parse(text).parameters.keys()]).toEqual([
      'default.group',
      'default.weight',
      'pid',
      'timestamp',
    ]);
    const node = fromNodeName(encodeURIComponent(text));
    expect(toNodeName(node)).toBe(encodeURIComponent(text));
    expect([node.group, node.parameter('weight'), node.parameter('pid')]).toEqual(['g', '7', '1']);
    expect(node.equals(ServiceUrl.parse(text))).toBe(true);
  });

  it('changes a parameter over its default, and removes it with that', () => {
    const url = ServiceUrl.parse('dubbo://h:1/i?default.group=g&default.weight=7');
    expect(url.with({ parameters: { weight: '1' } }).parameter('weight')).toBe('1');
    const bare = url.with({ parameters: { group: undefined } });
    expect(bare.group).toBeUndefined();
    expect(bare.toString()).toBe('dubbo://h:1/i?default.weight=7');
    expect(url.with({ parameters: { 'default.group': undefined } }).group).toBeUndefined();
  });

  it('changes into a copy', () => {
    const url = parse('dubbo://u:p@h:1/x?a=1&b=2');
    const changed = url.with({ port: undefined, host: 'g', parameters: { a: undefined, c: '3' } });
    expect(changed.toFullString()).toBe('dubbo://u:p@g/x?b=2&c=3');
    expect(url.toFullString()).toBe('dubbo://u:p@h:1/x?a=1&b=2');
    expect(url.with({ parameters: new Map([['a', undefined]]) }).toFullString()).toBe('dubbo://u:p@h:1/x?b=2');
    expect(url.with({}).equals(url)).toBe(true);
    expect(url.with({ username: undefined }).password).toBeUndefined();
  });

  it('shows no password to console.log', () => {
    expect(inspect(parse('dubbo://u:secret@h:1/x?a=1'))).toBe('ServiceUrl "dubbo://***@h:1/x?a=1"');
  });

  it('is not taken for another one by those who compare fields', () => {
    const name = (host: string) => fromNodeName(toNodeName(parse(`dubbo://${host}:1/x?a=1&timestamp=2`)));
    expect(isDeepStrictEqual(name('h'), name('h'))).toBe(true);
    expect(isDeepStrictEqual(name('h'), name('g'))).toBe(false);
    expect(isDeepStrictEqual(parse('dubbo://h/x'), parse('dubbo://h/y'))).toBe(false);
  });

  it('cannot be changed in place', () => {
    const url = parse('dubbo://h:1/x');
    expect(() => Object.assign(url, { host: 'g' })).toThrow(TypeError);
  });

  it('is equal by value', () => {
    expect(parse('dubbo://h/x?a=1&b=2').equals(parse('dubbo://h/x?b=2&a=1'))).toBe(true);
    for (const other of [
      'tri://h/x?a=1',
      'dubbo://g/x?a=1',
      'dubbo://h:1/x?a=1',
      'dubbo://h/y?a=1',
      'dubbo://u@h/x?a=1',
    ])
      expect(parse('dubbo://h/x?a=1').equals(parse(other)), other).toBe(false);
    expect(parse('dubbo://h/x?a=').equals(parse('dubbo://h/x?b='))).toBe(false);
    const one = ServiceUrl.from({ protocol: 'dubbo', host: 'h', parameters: { a: '1&b=2' } });
    const two = ServiceUrl.from({ protocol: 'dubbo', host: 'h', parameters: { a: '1', b: '2' } });
    expect(one.toString()).toBe(two.toString());
    expect(one.equals(two)).toBe(false);
  });

  it.each([
    [{ protocol: '' }, 'Expected a protocol such as dubbo, got "".'],
    [{ protocol: 'a b' }, 'Expected a protocol'],
    [
      { protocol: 'dubbo', port: 1.5 },
      'Expected the port of a service URL to be a whole number from 1 to 65535, got 1.5.',
    ],
    [{ protocol: 'dubbo', port: 65_536 }, 'got 65536'],
    [{ protocol: 'dubbo', port: NaN }, 'got NaN'],
    [
      { protocol: 'dubbo', host: 7 as unknown as string },
      'Expected the host of a service URL to be a string, got number.',
    ],
    [
      { protocol: 'dubbo', parameters: { weight: 7 as unknown as string } },
      'Expected parameter "weight" to be a string, got number.',
    ],
  ])('refuses to be made from %j', (parts, message) => {
    expect(() => ServiceUrl.from(parts)).toThrow(InvalidUrlError);
    expect(() => ServiceUrl.from(parts)).toThrow(message);
  });
});
