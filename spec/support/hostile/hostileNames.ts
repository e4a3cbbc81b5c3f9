import fc from 'fast-check';
import { encodeComponent } from '../../../lib/dubbo/index.js';

/** Texts that have broken somebody before. */
export const HOSTILE_TEXTS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '\0',
  '\x1b[2J\x1b[31mroot@db\x1b[0m',
  '\x9b2J',
  '\x7f\b\b\b',
  'x\r\n2026-01-01T00:00:00Z rx-registry:registry all is well',
  'x\u2028y\u2029z\u0085',
  'a\u202egnp.exe',
  '\ufeff\u200b\u2066\u{e0001}',
  '\ud800',
  '\udc00\ud800',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '${jndi:ldap://x/a}',
  "'; drop table users; --",
  '%s%d%o%O%j%c%n',
  '../../../etc/passwd',
  '.',
  '..',
  '*',
  ' ',
  '{"constructor":{"prototype":{"polluted":1}}}',
  'user:secret@host',
  '[::1',
  '::',
  '0x7f.1',
];

/** What numbers are not, and what they should not be. */
export const HOSTILE_NUMBERS: readonly string[] = [
  'NaN',
  'Infinity',
  '-Infinity',
  '-1',
  '0',
  '-0',
  '1e308',
  '1e400',
  '0x10',
  '65536',
  '99999999999999999999999',
  '2147483647',
  '2147483648',
  '1_000',
  '١٢٣',
  '__proto__',
  '',
];

/** Names that no service has: each of them is skipped and reported. Those of more than a megabyte no server takes. */
export const UNREADABLE_NAMES: readonly (readonly [what: string, name: string])[] = [
  ['a bad escape', 'dubbo%3A%2F%2Fa%3A1%2Fx%'],
  ['a bad escape before what ends a line elsewhere', 'dubbo%\u2028\u0085'],
  ['a bad escape before what starts an escape sequence', 'dubbo%\x9b2J'],
  ['a line break', 'a\nb'],
  ['an escape sequence', '\x1b[2J'],
  ['half a surrogate pair', '\ud800'],
  ['a prototype', '__proto__'],
  ['no protocol', encodeComponent('10.0.0.1:20880/com.acme.Users')],
  ['no host', encodeComponent('dubbo://:20880/com.acme.Users')],
  ['a negative port', encodeComponent('dubbo://a:-1/com.acme.Users')],
  ['a port out of range', encodeComponent('dubbo://a:65536/com.acme.Users')],
  ['a control character in the host', encodeComponent('dubbo://a\x1b[31m:1/com.acme.Users')],
  ['a line break in the path', encodeComponent('dubbo://a:1/com.acme\n.Users')],
  ['100,000 percent signs', '%25'.repeat(100_000)],
  ['10,000 parameters', encodeComponent(`dubbo://a:1/x?${many(10_000, (index) => `p${index}=v`)}`)],
  ['a megabyte', 'm'.repeat(1_000_000)],
  ['HTML', '<img src=x onerror=alert(1)>'],
  ['a path', '%2e%2e%2f%2e%2e%2fetc%2fpasswd'],
  ['an escape of an escape of an escape', nested('dubbo://a:1/com.acme.Users', 12)],
];

/** A text in which something of the catalogue stands between things that do not. */
const text = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.tuple(fc.string({ maxLength: 8 }), fc.constantFrom(...HOSTILE_TEXTS)).map((parts) => parts.join('')),
);
const number = fc.oneof(fc.constantFrom(...HOSTILE_NUMBERS), text);
const host = fc.oneof(fc.constantFrom('a', 'b', '10.0.0.1', '__proto__', 'constructor', '[::1]'), text);

/** The URL of a provider whose parts are as bad as can be, and which can be read all the same, or not. */
export const hostileUrl: fc.Arbitrary<string> = fc
  .record({
    protocol: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('dubbo', 'tri', 'empty', 'override') }, text),
    host,
    port: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('', ':1', ':20880') },
      number.map((it) => `:${it}`),
    ),
    path: fc.oneof({ weight: 4, arbitrary: fc.constant('com.acme.Users') }, text),
    parameters: fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom('weight', 'timestamp', 'pid', 'zone', 'group', 'version', 'warmup') },
          text,
        ),
        number,
      ),
      { maxLength: 8 },
    ),
  })
  .map(({ protocol, host: name, port, path, parameters }) => {
    const query = parameters.map(([key, value]) => `${key}=${value}`).join('&');
    return `${protocol}://${name}${port}/${path}?${query}`;
  });

/** The name of a node as an enemy, an accident or another program writes it; never with a slash, which would end it. */
export const hostileName: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 4, arbitrary: hostileUrl.map(encodeComponent) },
    { weight: 1, arbitrary: hostileUrl.map((url) => encodeURIComponent(url.replace(/\p{Cs}/gu, '?')).toLowerCase()) },
    { weight: 1, arbitrary: hostileUrl.map((url) => nested(url, 3)) },
    { weight: 2, arbitrary: text },
    { weight: 1, arbitrary: fc.constantFrom(...UNREADABLE_NAMES).map(([, name]) => name) },
    { weight: 1, arbitrary: fc.tuple(hostileUrl.map(encodeComponent), fc.nat()).map(([name, at]) => broken(name, at)) },
  )
  .map((name) => name.replaceAll('/', '|') || '%');

/** `count` of something, as a query. */
export function many(count: number, each: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => each(index)).join('&');
}

/** A text that was encoded again and again. */
export function nested(text: string, times: number): string {
  return times === 0 ? text : encodeComponent(nested(text, times - 1));
}

function broken(name: string, at: number): string {
  const place = at % (name.length + 1);
  return `${name.slice(0, place)}%${name.slice(place)}`;
}
