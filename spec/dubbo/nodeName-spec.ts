import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromNodeName, toNodeName } from '../../lib/dubbo/nodeName.js';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';
import { InvalidUrlError, UnreadableNodeError } from '../../lib/errors.js';
import { serviceUrls } from './arbitraries.js';
import { cpuMs } from '../support/cpuMs.js';

// Recorded from dubbo-go 1.3.0 at work.
const GO_1_3_PROVIDER =
  'dubbo%3A%2F%2F127.0.0.1%3A20000%2Fcom.ikurento.user.UserProvider%3Fa%3Dx%2526y%26anyhost%3Dtrue%26category%3Dproviders%26cluster%3Dmock%26dubbo%3Ddubbo-provider-golang-1.3.0%26ip%3D10.1.2.3%26methods%3DGetUser%26module%3Da%2Bb%26pid%3D4242%26plus%3D1%252B2%26side%3Dconsumer%26side%3Dprovider';
const GO_1_3_INNER_CLASS =
  'dubbo%3A%2F%2F10.1.2.3%3A20000%2FUserProvider%3Fanyhost%3Dtrue%26category%3Dproviders%26dubbo%3Ddubbo-provider-golang-1.3.0%26group%3D%26interface%3Dcom.foo.Outer%2524Inner%26ip%3D10.1.2.3%26pid%3D4242%26registry.role%3D3%26side%3Dprovider%26timestamp%3D1581137654%26version%3D1.0';
const GO_1_3_CONSUMER =
  'consumer%3A%2F%2F10.1.2.3%2FUserProvider%3Fcategory%3Dproviders%26category%3Dconsumers%26dubbo%3Ddubbogo-consumer-1.3.0%26group%3Dg%26interface%3Dcom.foo.Bar%26ip%3D10.1.2.3%26pid%3D4242%26protocol%3Ddubbo%26registry.role%3D0%26timestamp%3D1581137654%26version%3D1.0';

const encoded = (text: string) => encodeURIComponent(text);

describe('fromNodeName', () => {
  it('reads a provider of dubbo-go 1.3', () => {
    const url = fromNodeName(GO_1_3_PROVIDER);
    expect(url).toMatchObject({
      protocol: 'dubbo',
      host: '127.0.0.1',
      port: 20000,
      path: 'com.ikurento.user.UserProvider',
    });
    expect(Object.fromEntries(url.parameters)).toEqual({
      a: 'x&y',
      anyhost: 'true',
      category: 'providers',
      cluster: 'mock',
      dubbo: 'dubbo-provider-golang-1.3.0',
      ip: '10.1.2.3',
      methods: 'GetUser',
      module: 'a b',
      pid: '4242',
      plus: '1+2',
      side: 'provider',
    });
  });

  it('reads an inner class of dubbo-go 1.3', () => {
    const url = fromNodeName(GO_1_3_INNER_CLASS);
    expect(url.interface).toBe('com.foo.Outer$Inner');
    expect(url.path).toBe('UserProvider');
    expect(url.group).toBe('');
    expect(url.serviceKey).toBe('com.foo.Outer$Inner:1.0');
  });

  it('reads a consumer of dubbo-go 1.3 as a consumer, whatever it subscribes to', () => {
    const url = fromNodeName(GO_1_3_CONSUMER);
    expect(url.category).toBe('consumers');
    expect(url.serviceKey).toBe('g/com.foo.Bar:1.0');
    expect(url.address).toBe('10.1.2.3');
  });

  it('lets the first win where an old dubbo-go repeats what it did not append itself', () => {
    const url = fromNodeName(encoded('dubbo://h/x?cluster=first&cluster=last&dubbo=dubbo-provider-golang-1.3.0'));
    expect(url.parameter('cluster')).toBe('first');
    expect(fromNodeName(encoded('dubbo://h/x?cluster=first&cluster=last')).parameter('cluster')).toBe('last');
  });

  it.each([
    ['dubbo://h/x?dubbo=dubbo-provider-golang-1.3.0&v=1%252B2', '1+2'],
    ['consumer://h/x?dubbo=dubbogo-consumer-1.4.0&v=1%252B2', '1+2'],
    ['dubbo://h/x?release=dubbo-golang-1.5.0&v=1%252B2', '1+2'],
    ['dubbo://h/x?release=dubbo-golang-1.5.3&v=1%252B2', '1+2'],
    ['dubbo://h/x?release=dubbo-golang-1.5.4&v=1%252B2', '1%2B2'],
    ['consumer://h/x?release=dubbo-golang-1.5.4&v=1%252B2', '1+2'],
    ['consumer://h/x?release=dubbo-golang-1.5.5&v=1%252B2', '1%2B2'],
    ['dubbo://h/x?release=dubbo-golang-1.5.10&v=1%252B2', '1%2B2'],
    ['dubbo://h/x?release=dubbo-golang-1.5.30&v=1%252B2', '1%2B2'],
    ['consumer://h/x?release=dubbo-golang-1.5.40&v=1%252B2', '1%2B2'],
    ['dubbo://h/x?release=dubbo-golang-3.3.2&v=1%252B2', '1%2B2'],
    ['dubbo://h/x?dubbo=2.0.2&release=3.3.1&v=1%252B2', '1%2B2'],
    ['dubbo://h/x?dubbo=dubbo-provider-golang-1.3.0&v=100%25', '100%'],
    ['dubbo://h/x?dubbo=dubbo-provider-golang-1.3.0&v=1%2525%2541', '1%A'],
  ])('decodes twice only what was encoded twice: %s', (url, value) => {
    expect(fromNodeName(url.replaceAll('/', '%2F').replaceAll('?', '%3F')).parameter('v')).toBe(value);
  });

  it('decodes the names of an old dubbo-go twice too', () => {
    const url = fromNodeName(encoded('dubbo://h/x?dubbo=dubbo-provider-golang-1.3.0&methods.Get%24.retries=2'));
    expect(url.parameter('methods.Get$.retries')).toBe('2');
  });

  it('reads a name as Java writes it', () => {
    const name =
      'dubbo%3A%2F%2F10.0.0.1%3A20880%2Fcom.foo.Bar%3Fanyhost%3Dtrue%26application%3Ddemo%26methods%3Da%2Cb%26note%3Da+b%26timestamp%3D1700000000000';
    const url = fromNodeName(name);
    expect(url.toString()).toBe(
      'dubbo://10.0.0.1:20880/com.foo.Bar?anyhost=true&application=demo&methods=a,b&note=a b&timestamp=1700000000000',
    );
    expect(toNodeName(url)).toBe(name);
  });

  it.each([
    ['dubbo%3a%2f%2fh%3a1%2fx%3fa%3db', 'dubbo://h:1/x?a=b'],
    ["dubbo%3A%2F%2Fh%2Fx%3Fa%3D!'()*~%20+", "dubbo://h/x?a=!'()*~"],
    ['dubbo%3A%2F%2Fh%2Fx%3Fflag%26a%3D%26%3Dz%26%26b%3Dc%3Dd', 'dubbo://h/x?a=&b=c=d&flag='],
    ['dubbo%3A%2F%2Fu%3Ap%40h%3A1', 'dubbo://u:p@h:1'],
    ['dubbo%3A%2F%2F%5Bfe80%3A%3A1%5D%3A1%2Fx', 'dubbo://[fe80::1]:1/x'],
    ['dubbo%3A%2F%2Ffe80%3A%3A1%3A20880%2Fx', 'dubbo://[fe80::1]:20880/x'],
    ['dubbo%3A%2F%2Fh%2Fx%3Fa%3D%C3%28', 'dubbo://h/x?a=\uFFFD('],
    ['dubbo%3A%2F%2Fh%2Fx%3F__proto__%3D1', 'dubbo://h/x?__proto__=1'],
    ['dubbo%3A%2F%2Fh%2Fx%3Fa%3D1%3F2', 'dubbo://h/x?a=1?2'],
    ['override%3A%2F%2F0.0.0.0%2Fi%3Fcategory%3Dconfigurators', 'override://0.0.0.0/i?category=configurators'],
  ])('reads %s', (name, text) => {
    expect(fromNodeName(name).toFullString()).toBe(text);
  });

  it.each([
    ['', 'got an empty one'],
    ['a'.repeat(65_537), 'at most 65536 characters, got 65537'],
    ['dubbo%3A%2F%2Fh%2F100%', 'two hex digits'],
    ['dubbo%3A%2F%2Fh%2Fx%3Fa%3D%zz', 'two hex digits'],
    ['lock', 'protocol://'],
    ['%3A%2F%2Fh', 'protocol://'],
    ['9p%3A%2F%2Fh', 'protocol://'],
    ['du%00bbo%3A%2F%2Fh', 'protocol://'],
    ['dubbo%3A%2F%2F', 'Expected a host'],
    ['dubbo%3A%2F%2F%3A20880%2Fx', 'Expected a host'],
    ['dubbo%3A%2F%2Fu%40%2Fx', 'Expected a host'],
    ['dubbo%3A%2F%2Fh%3A65536%2Fx', 'port from 1 to 65535'],
    ['dubbo%3A%2F%2Fh%3Ax%2Fx', 'port from 1 to 65535'],
    ['dubbo%3A%2F%2Fh%00%3A1%2Fx', 'control characters'],
    ['dubbo%3A%2F%2Fh%3A1%2Fx%0Ay', 'control characters'],
    ['dubbo%3A%2F%2Fh%3A1%2Fx%7F', 'control characters'],
    ['dubbo%253A%252F%252Fh', 'protocol://'],
  ])('refuses %.40s', (name, message) => {
    expect(() => fromNodeName(name)).toThrow(UnreadableNodeError);
    expect(() => fromNodeName(name)).toThrow(message);
  });

  it('throws nothing but UnreadableNodeError, whatever stands in a registry', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.string({ unit: 'binary' }).map(encoded),
      fc
        .array(
          fc.constantFrom(
            'dubbo',
            '://',
            '%3A%2F%2F',
            '%',
            '%2',
            '%25',
            '@',
            ':',
            '[',
            ']',
            '?',
            '&',
            '=',
            '#',
            '1',
            '%00',
            '%ff',
          ),
        )
        .map((units) => units.join('')),
      fc.string({ unit: 'binary' }).map((text) => encoded(`dubbo://h:1/x?dubbo=dubbo-provider-golang-1&${text}`)),
      fc.string({ unit: 'binary' }).map((text) => encoded(`dubbo://${text}`)),
    );
    fc.assert(
      fc.property(hostile, (name) => {
        try {
          expect(fromNodeName(name)).toBeInstanceOf(ServiceUrl);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableNodeError);
        }
      }),
      { numRuns: 5000 },
    );
  });

  describe('nodes that differ in what is their own', () => {
    const own = fc.record({
      host: fc.oneof(fc.ipV4(), fc.constantFrom('h', 'users-1.acme', '::1', 'a b', '*')),
      port: fc.integer({ min: 0, max: 70_000 }),
      pid: fc.constantFrom('', '&pid=7', '&pid=8', '&pid=', '&pid=7&pid=8', '&pid=a%20b'),
      ip: fc.constantFrom('', '&ip=10.0.0.1', '&ip=::1', '&Ip=1'),
      timestamp: fc.constantFrom(
        '',
        '&timestamp=1700000000000',
        '&timestamp=1&timestamp=2',
        '&timestamp=%3D',
        '&timestamp',
      ),
      dubbo: fc.constantFrom('', '&dubbo=2.0.2', '&dubbo=dubbo-provider-golang-1.3.0'),
      first: fc.constantFrom('a=1', 'pid=1', 'timestamp=2', ''),
    });

    it('are each read as if they stood alone', () => {
      fc.assert(
        fc.property(fc.array(own, { minLength: 1, maxLength: 6 }), fc.boolean(), (nodes, lower) => {
          for (const { host, port, first, dubbo, ip, pid, timestamp } of nodes) {
            const text = `dubbo://${host}:${port}/x.Y?${first}${dubbo}${ip}${pid}&methods=a,b${timestamp}`;
            const name = lower ? encoded(text).replaceAll('%3F', '%3f') : encoded(text);
            let parsed: ServiceUrl;
            try {
              // A name that is too long to be shared is read on its own, and so is what nobody else says.
              parsed = fromNodeName(`${name}%26filler%3D${'.'.repeat(4_096)}`);
            } catch {
              expect(() => fromNodeName(name)).toThrow(UnreadableNodeError);
              continue;
            }
            const alone = parsed.with({ parameters: { filler: undefined } });
            const read = fromNodeName(name);
            expect(read.toString()).toBe(alone.toString());
            expect([...read.parameters]).toEqual([...alone.parameters]);
            expect(read.equals(alone)).toBe(true);
            for (const each of ['pid', 'ip', 'timestamp', 'methods', 'a']) {
              expect(read.parameter(each)).toBe(alone.parameter(each));
            }
            expect([read.host, read.port, read.address]).toEqual([alone.host, alone.port, alone.address]);
          }
        }),
        { numRuns: 2_000 },
      );
    });

    it('share all the rest', () => {
      const partsOf = (url: ServiceUrl): unknown => (url as unknown as { parts: unknown }).parts;
      const node = (host: string, pid: number, weight = 100) =>
        fromNodeName(encoded(`dubbo://${host}:20880/x.Y?methods=a,b&pid=${pid}&timestamp=${pid}&weight=${weight}`));
      expect(partsOf(node('10.0.0.1', 1))).toBe(partsOf(node('10.0.0.2', 2)));
      expect(partsOf(node('10.0.0.1', 1))).not.toBe(partsOf(node('10.0.0.1', 1, 50)));
    });
  });

  it('takes linear time for the longest names', () => {
    const started = cpuMs();
    for (const unit of ['%25', '%3A', '%5B', '[:', ':', '@', '&a', '&a=', '%26%3D', '+', '%ff', 'a://', '/', '%2525']) {
      for (const head of ['', 'dubbo://', 'dubbo://[', 'dubbo://h/x?dubbo=dubbo-provider-golang-1&a=']) {
        try {
          fromNodeName((head + unit.repeat(65_536)).slice(0, 65_535 - (65_535 % unit.length)));
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableNodeError);
        }
      }
    }
    expect(() => fromNodeName('%25'.repeat(1_000_000))).toThrow(UnreadableNodeError);
    expect(cpuMs() - started).toBeLessThan(10_000);
  });
});

describe('toNodeName', () => {
  it('writes what is read back', () => {
    fc.assert(
      fc.property(serviceUrls, (url) => {
        const again = fromNodeName(toNodeName(url));
        expect(again.equals(url)).toBe(true);
        expect(again.toString()).toBe(url.toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('encodes once, with upper-case hex, as Java does', () => {
    const url = ServiceUrl.parse('tri://[fe80::1]:50051/com.foo.Outer$Inner?version=1.0~&methods=a,*&note=a b');
    expect(toNodeName(url)).toBe(
      'tri%3A%2F%2F%5Bfe80%3A%3A1%5D%3A50051%2Fcom.foo.Outer%24Inner%3Fmethods%3Da%2C*%26note%3Da+b%26version%3D1.0%7E',
    );
  });

  it('writes what is read as something else by dubbo-go, but is read', () => {
    for (const value of ['%41', '%25', '50%25', '%C3', '1+2', 'a=b', ' a, b ', '日本', "!'()*~"]) {
      expect(fromNodeName(toNodeName(ServiceUrl.parse(`dubbo://h:1/x?v=${value}`))).parameter('v')).toBe(value.trim());
    }
    // Java cuts at the first place only, so a name that ends like one it knows harms nothing behind that.
    for (const query of ['pid=1&rapid=2', 'timestamp=1&xtimestamp=2', 'timestamps=1', 'pid.x=1']) {
      const url = ServiceUrl.parse(`dubbo://h:1/x?${query}`);
      expect(fromNodeName(toNodeName(url)).equals(url)).toBe(true);
    }
    const rule = ServiceUrl.parse('override://магазин@0.0.0.0/x?app.timestamp=1&category=configurators&timestamp=2');
    expect(fromNodeName(toNodeName(rule)).equals(rule)).toBe(true);
    const consumer = ServiceUrl.parse('consumer://[::1]/x?bpid=1');
    expect(fromNodeName(toNodeName(consumer)).equals(consumer)).toBe(true);
  });

  const base = { protocol: 'dubbo', host: 'h', path: 'x' };
  it.each([
    [
      { parameters: { note: 'a&b' } },
      /parameter "note" .* got "&" in it: .* write "%26", and decode it where you read it/,
    ],
    [{ parameters: { note: 'a;b' } }, /parameter "note" .* got ";"/],
    [{ parameters: { note: 'a#b' } }, /parameter "note" .* got "#"/],
    [{ parameters: { note: '\uD800' } }, /parameter "note"/],
    // What dubbo-go's url.Parse and url.ParseQuery fail at, recorded by giving them every ASCII character in every part.
    [{ parameters: { v: '50%' } }, /two hex digits .* in parameter "v", got "%".* Write "%25"/],
    [{ parameters: { v: '50% off' } }, /got "% o"/],
    [{ parameters: { v: '%zz' } }, /got "%zz"/],
    [{ parameters: { v: '%4' } }, /got "%4"/],
    [{ parameters: { v: '%%25' } }, /got "%%2"/],
    [{ parameters: { '50%': 'a' } }, /in the name of parameter "50%"/],
    [{ parameters: { v: 'a\tb' } }, /parameter "v" .* got "\\t" in it: .* write "%09"/],
    [{ parameters: { v: 'a\nb' } }, /write "%0A"/],
    [{ parameters: { v: 'a\x7Fb' } }, /write "%7F"/],
    [{ parameters: { 'a\0b': 'v' } }, /the name of parameter/],
    [{ path: 'a%b/c' }, /Expected a path .* got "%b\/" in it.*: write "%25"/],
    [{ host: 'fe80::1%en0', port: 1 }, /Expected a host without "%"/],
    [{ host: 'a%41' }, /Expected a host without "%"/],
    [{ host: 'a`b' }, /Expected a host that a Dubbo URL can hold/],
    [{ host: 'a|b' }, /Expected a host/],
    [{ host: 'h:x', port: 1 }, /Expected a host name or an IP address/],
    [{ username: 'a b' }, /Expected a user name/],
    [{ username: 'ü' }, /Expected a user name/],
    [{ username: 'a', password: '<' }, /Expected a password/],
    // What Java's URLAddress fails at, and with it the whole list of the service.
    [{ host: '::1' }, /Expected a port behind the IPv6 address/],
    // Where Java's stripOffVariableKeys cuts.
    [
      { parameters: { 'app.timestamp': '1', version: '1', timestamp: '2' } },
      /got "app.timestamp=": Java consumers cut/,
    ],
    [{ parameters: { bpid: '1', version: '1' } }, /got "bpid="/],
    [{ parameters: { args: 'x=pid=3', pid: '1' } }, /got "args=x=pid="/],
    [{ path: 'a/pid=3', parameters: { pid: '1' } }, /to have "pid=" in it/],

    [{ parameters: { '': 'a' } }, /to have a name/],
    [{ parameters: { 'a=b': 'a' } }, /the name of parameter "a=b"/],
    [{ parameters: { 'a&b': 'a' } }, /the name of parameter "a&b"/],
    [{ parameters: { '\uDC00': 'a' } }, /the name of parameter/],
    [{ path: 'a?b' }, /Expected a path .* got "\?"/],
    [{ path: 'a#b' }, /Expected a path/],
    [{ path: 'a\nb' }, /Expected a path/],
    [{ path: 'a\uD800b' }, /Expected a path/],
    [{ host: '' }, /Expected a host, got none/],
    [{ host: 'a/b' }, /Expected a host/],
    [{ host: 'a@b' }, /Expected a host/],
    [{ host: 'a\0b' }, /Expected a host/],
    [{ username: 'a:b' }, /Expected a user name/],
    [{ username: 'a', password: 'secret/' }, /Expected a password that a Dubbo URL can hold, got "\/" in it/],
    [{ path: 'a'.repeat(65_536) }, /at most 65536 characters/],
    [{ parameters: { dubbo: 'dubbo-provider-golang-1.3.0', v: '1+2' } }, /old dubbo-go/],
  ])('refuses %.60j', (parts, message) => {
    const url = ServiceUrl.from({ ...base, ...parts });
    expect(() => toNodeName(url)).toThrow(InvalidUrlError);
    expect(() => toNodeName(url)).toThrow(message);
  });
});
