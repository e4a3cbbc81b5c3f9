import fc from 'fast-check';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';

/** Text that a Dubbo URL can hold in a parameter: anything but separators, controls, half surrogate pairs and a bare "%". */
export const values = fc
  .string({ unit: 'binary' })
  .map((text) => text.replace(/[&;#]|\p{Cs}|\p{Cc}/gu, '_').replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'));

const names = fc.oneof(
  fc.constantFrom('group', 'version', 'interface', 'category', 'timestamp', 'pid', '__proto__', 'constructor', 'a.b'),
  values.map((text) => text.replaceAll('=', '_')).filter((text) => text !== ''),
);

const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constantFrom('0.0.0.0', '::', '*', 'наш.хост'));

const paths = fc.oneof(
  fc.constantFrom('', 'com.foo.Bar', 'a//b', 'x://y', 'a@b:c'),
  fc.string({ unit: 'binary' }).map((text) => text.replace(/[?#%]|\p{Cs}|\p{Cc}/gu, '_').replace(/^\/+/, '')),
);

/** Service URLs that can be written to a registry. */
export const serviceUrls = fc
  .record({
    protocol: fc.constantFrom('dubbo', 'tri', 'consumer', 'override', 'x-Y+1.2'),
    username: fc.option(fc.constantFrom('user', 'a@b', 'a%20b'), { nil: undefined }),
    password: fc.option(fc.constantFrom('secret', 'a:b@c', '%20'), { nil: undefined }),
    host: hosts,
    port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    path: paths,
    parameters: fc.array(fc.tuple(names, values), { maxLength: 6 }).map((entries) => new Map(entries)),
  })
  // Nobody reads a provider at an IPv6 address without a port.
  .map((parts) => ServiceUrl.from(parts.host.includes(':') ? { ...parts, port: parts.port || 20_880 } : parts));
