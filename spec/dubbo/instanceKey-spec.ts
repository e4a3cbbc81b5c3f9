import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instanceKey, sameService } from '../../lib/dubbo/instanceKey.js';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';
import { serviceUrls } from './arbitraries.js';

const key = (text: string) => instanceKey(ServiceUrl.parse(text));

describe('instanceKey', () => {
  it('of a provider is protocol, host, port, path, group and version', () => {
    expect(key('dubbo://u:p@10.0.0.1:20880/com.foo.Bar?version=1.0&weight=5&group=g&timestamp=1&pid=2')).toBe(
      'providers/dubbo://10.0.0.1:20880/com.foo.Bar?group=g&version=1.0',
    );
  });

  it('of a provider of Dubbo 2.6 is under the group and version of all its services', () => {
    const plain = key('dubbo://h:1/x?group=g&version=1');
    expect(key('dubbo://h:1/x?default.group=g&default.version=1')).toBe(plain);
    expect(key('dubbo://h:1/x?default.group=other&default.version=1&group=g')).toBe(plain);
  });

  it.each([
    'tri://h:1/x?group=g&version=1',
    'dubbo://i:1/x?group=g&version=1',
    'dubbo://h:2/x?group=g&version=1',
    'dubbo://h/x?group=g&version=1',
    'dubbo://h:1/y?group=g&version=1',
    'dubbo://h:1/x?group=h&version=1',
    'dubbo://h:1/x?version=1',
    'dubbo://h:1/x?group=&version=1',
    'dubbo://h:1/x?group=g&version=2',
    'dubbo://h:1/x?group=g',
    'dubbo://h:1/x?group=g&version=1&category=routers',
    'dubbo://h:1/x?group=1&version=g',
  ])('differs for %s', (other) => {
    expect(key(other)).not.toBe(key('dubbo://h:1/x?group=g&version=1'));
  });

  it('of anything else is all that it says but who wrote it and when', () => {
    const rule = 'override://0.0.0.0/i?category=configurators&weight=5';
    expect(key(`${rule}&timestamp=1&pid=2`)).toBe(key(rule));
    expect(key(rule)).not.toBe(key(rule.replace('5', '6')));
    expect(key('consumer://h/i?a=1')).not.toBe(key('consumer://h/i?a=2'));
    expect(key('consumer://u:secret@h/i')).toBe('consumers/consumer://u@h/i');
  });

  it.each([
    [{ parameters: { group: 'a&version=b' } }, { parameters: { group: 'a', version: 'b' } }],
    [{ parameters: { group: 'a=b' } }, { parameters: { group: 'a%3Db' } }],
    [{ path: 'x?group=a' }, { path: 'x', parameters: { group: 'a' } }],
    [
      { host: 'h/x', path: 'y' },
      { host: 'h', path: 'x/y' },
    ],
    [{ host: 'h:1' }, { host: 'h', port: 1 }],
    [
      { host: '', path: '/x' },
      { host: '/', path: 'x' },
    ],
  ])('tells %j from %j', (one, other) => {
    for (const protocol of ['dubbo', 'override']) {
      const [a, b] = [one, other].map((parts) => instanceKey(ServiceUrl.from({ protocol, ...parts })));
      expect(a).not.toBe(b);
    }
  });

  it('tells rules apart whose parameters read alike', () => {
    const rule = { protocol: 'override', host: '0.0.0.0', path: 'i' };
    const one = ServiceUrl.from({ ...rule, parameters: { a: '1&b=2' } });
    expect(instanceKey(one)).not.toBe(instanceKey(ServiceUrl.from({ ...rule, parameters: { a: '1', b: '2' } })));
    const two = ServiceUrl.from({ ...rule, parameters: { 'a=1&b': '2' } });
    expect(instanceKey(two)).not.toBe(instanceKey(one));
  });

  it('is the same only for what is the same, whatever it is made of', () => {
    const nasty = fc.constantFrom(
      '',
      'a',
      ':',
      '/',
      '?',
      '&',
      '=',
      '%',
      '+',
      ' ',
      '?group=a',
      '/a',
      ':1',
      '&version=',
      '%2F',
      '://',
      '"',
      ',',
      '\0',
    );
    const text = fc.array(nasty, { maxLength: 3 }).map((units) => units.join(''));
    const identity = fc.record({
      protocol: fc.constantFrom('dubbo', 'override'),
      host: text.filter((host) => !host.startsWith('[')),
      port: fc.option(fc.constantFrom(1, 11), { nil: undefined }),
      path: text,
      group: fc.option(text, { nil: undefined }),
      version: fc.option(text, { nil: undefined }),
    });
    type Identity = typeof identity extends fc.Arbitrary<infer T> ? T : never;
    const make = ({ group, version, ...rest }: Identity) => {
      const parameters = new Map<string, string>();
      if (group !== undefined) parameters.set('group', group);
      if (version !== undefined) parameters.set('version', version);
      return ServiceUrl.from({ ...rest, parameters });
    };
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const [a, b] = [make(one), make(other)];
        expect(instanceKey(a) === instanceKey(b)).toBe(a.equals(b));
      }),
      { numRuns: 5000 },
    );
  });

  it('does not depend on pid and timestamp, for any URL', () => {
    fc.assert(
      fc.property(serviceUrls, (url) => {
        const other = url.with({ parameters: { pid: '1', timestamp: '2' } });
        expect(instanceKey(other)).toBe(instanceKey(url));
        expect(sameService(url, other)).toBe(true);
        expect(sameService(url, other.with({ parameters: { weight: '77' } }))).toBe(url.parameter('weight') === '77');
      }),
    );
  });
});

describe('sameService', () => {
  it.each([
    ['dubbo://h/x?a=1&pid=1', 'dubbo://h/x?a=1&pid=2', true],
    ['dubbo://h/x?a=1&pid=1', 'dubbo://h/x?a=1', true],
    ['dubbo://h/x?a=1', 'dubbo://h/x?a=1&timestamp=1', true],
    ['dubbo://h/x?a=1', 'dubbo://h/x?a=2', false],
    ['dubbo://h/x?a=1', 'dubbo://h/x', false],
    ['dubbo://h/x', 'dubbo://h/x?a=1', false],
    ['dubbo://h/x?a=1&pid=1', 'dubbo://h/x?b=1&pid=1', false],
    ['dubbo://h/x?remote.timestamp=1', 'dubbo://h/x?remote.timestamp=2', false],
    ['dubbo://h/x', 'dubbo://h:1/x', false],
  ])('%s and %s: %s', (a, b, answer) => {
    expect(sameService(ServiceUrl.parse(a), ServiceUrl.parse(b))).toBe(answer);
    expect(sameService(ServiceUrl.parse(b), ServiceUrl.parse(a))).toBe(answer);
  });
});
