import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RegistrationFacts, toRegisteredUrl } from '../../lib/dubbo/registeredUrl.js';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';
import { InvalidOptionError, InvalidUrlError } from '../../lib/errors.js';
import { serviceUrls } from './arbitraries.js';

const facts: RegistrationFacts = {
  pid: 42,
  timestampMs: 1_700_000_000_000,
  release: 'rx-registry-0.1.0',
  localAddress: () => '10.9.8.7',
  env: {},
};
const registered = (text: string, env: RegistrationFacts['env'] = {}) =>
  toRegisteredUrl(ServiceUrl.parse(text), { ...facts, env });

describe('toRegisteredUrl', () => {
  it('adds to a provider what readers look for', () => {
    expect(registered('dubbo://10.0.0.1:20880/com.foo.Bar?version=1.0').toString()).toBe(
      'dubbo://10.0.0.1:20880/com.foo.Bar?category=providers&interface=com.foo.Bar&pid=42&release=rx-registry-0.1.0' +
        '&side=provider&timestamp=1700000000000&version=1.0',
    );
  });

  it('adds to a consumer what readers look for', () => {
    expect(registered('consumer:///com.foo.Bar').toString()).toBe(
      'consumer://10.9.8.7/com.foo.Bar?category=consumers&interface=com.foo.Bar&pid=42&release=rx-registry-0.1.0' +
        '&side=consumer&timestamp=1700000000000',
    );
  });

  it('leaves what the caller said', () => {
    const said = 'category=mine&interface=i&pid=1&release=r&side=s&timestamp=2';
    expect(registered(`dubbo://h:1/x?${said}`).toString()).toBe(`dubbo://h:1/x?${said}`);
  });

  it('fills in what the caller left empty', () => {
    expect(registered('dubbo://h:1/x?interface=&category=').toString()).toBe(registered('dubbo://h:1/x').toString());
  });

  it('adds nothing twice, for any URL', () => {
    fc.assert(
      fc.property(serviceUrls, (url) => {
        fc.pre(url.interface !== '');
        const once = toRegisteredUrl(url, facts);
        expect(toRegisteredUrl(once, { ...facts, pid: 43, timestampMs: 1 }).toString()).toBe(once.toString());
      }),
    );
  });

  it('gives a rule only its category', () => {
    const env = { DUBBO_IP_TO_REGISTRY: '1.2.3.4', DUBBO_PORT_TO_REGISTRY: '1' };
    expect(registered('override://0.0.0.0/i?weight=5', env).toString()).toBe(
      'override://0.0.0.0/i?category=configurators&weight=5',
    );
    expect(registered('condition://0.0.0.0/i?threads=5', env).toString()).toBe(
      'condition://0.0.0.0/i?category=routers&threads=5',
    );
    expect(registered('route://0.0.0.0/i?category=routers').toString()).toBe('route://0.0.0.0/i?category=routers');
  });

  it('hides what is private to a provider, as Java does, but not the pid', () => {
    const hidden =
      '.hidden=1&triple.x=1&bind.ip=1.2.3.4&bind.port=1&qos.port=1&qos.enable=true&monitor=m&threads=9&anyhost=true';
    expect(registered(`dubbo://h:1/x?${hidden}&pid=7&qos=a&thread=b`).toString()).toBe(
      registered('dubbo://h:1/x?pid=7&qos=a&thread=b').toString(),
    );
    expect(registered('consumer://h/x?threads=9&qos.port=1').parameter('threads')).toBe('9');
    expect(registered('dubbo://h:1/x?default.threads=9&default.weight=7').toString()).toBe(
      registered('dubbo://h:1/x?default.weight=7').toString(),
    );
  });

  it('writes what dubbo-go must find, whatever stands in for it in Java', () => {
    const { parameters } = registered('dubbo://h:1/x?default.interface=i&default.side=provider');
    expect([parameters.get('interface'), parameters.get('side')]).toEqual(['i', 'provider']);
  });

  it.each(['dubbo://:20880/x', 'dubbo://0.0.0.0:20880/x', 'dubbo://[::]:20880/x', 'dubbo://*:20880/x'])(
    'puts the local address into %s',
    (text) => {
      expect(registered(text).address).toBe('10.9.8.7:20880');
    },
  );

  it('asks for the local address only when it is needed', () => {
    const localAddress = () => expect.fail('not needed');
    const url = ServiceUrl.parse('dubbo://10.0.0.1:20880/x');
    expect(toRegisteredUrl(url, { ...facts, localAddress }).host).toBe('10.0.0.1');
    const env = { DUBBO_IP_TO_REGISTRY: '10.0.0.2' };
    expect(toRegisteredUrl(url.with({ host: '' }), { ...facts, env, localAddress }).host).toBe('10.0.0.2');
  });

  it.each([
    ['dubbo://h:1/x', '1.2.3.4', '5', '1.2.3.4:5'],
    ['dubbo://h:1/x', '1.2.3.4', undefined, '1.2.3.4:1'],
    ['dubbo://h:1/x', undefined, '5', 'h:5'],
    ['dubbo://h:1/x', '', '', 'h:1'],
    ['dubbo://h/x', undefined, '5', 'h:5'],
    ['dubbo://h:1/x', 'fe80::1', undefined, '[fe80::1]:1'],
    ['dubbo://h:1/x', '[::1]', undefined, '[::1]:1'],
    ['dubbo://h:1/x', 'my-host.local', undefined, 'my-host.local:1'],
    ['consumer://h/x', '1.2.3.4', '5', '1.2.3.4'],
  ])('lets the environment win over %s: %s, %s', (text, ip, port, address) => {
    expect(registered(text, { DUBBO_IP_TO_REGISTRY: ip, DUBBO_PORT_TO_REGISTRY: port }).address).toBe(address);
  });

  it.each([
    [{ DUBBO_IP_TO_REGISTRY: '0.0.0.0' }, 'DUBBO_IP_TO_REGISTRY'],
    [{ DUBBO_IP_TO_REGISTRY: '[::]' }, 'DUBBO_IP_TO_REGISTRY'],
    [{ DUBBO_IP_TO_REGISTRY: 'a b' }, 'DUBBO_IP_TO_REGISTRY'],
    [{ DUBBO_IP_TO_REGISTRY: 'a/b' }, 'DUBBO_IP_TO_REGISTRY'],
    [{ DUBBO_IP_TO_REGISTRY: 'fe80::1%en0' }, 'DUBBO_IP_TO_REGISTRY'],
    [{ DUBBO_PORT_TO_REGISTRY: '0' }, 'DUBBO_PORT_TO_REGISTRY'],
    [{ DUBBO_PORT_TO_REGISTRY: 'x' }, 'DUBBO_PORT_TO_REGISTRY'],
    [{ DUBBO_PORT_TO_REGISTRY: '65536' }, 'DUBBO_PORT_TO_REGISTRY'],
    [{ DUBBO_PORT_TO_REGISTRY: '1.0' }, 'DUBBO_PORT_TO_REGISTRY'],
  ])('names the variable in %j', (env, option) => {
    expect(() => registered('dubbo://h:1/x', env)).toThrow(InvalidOptionError);
    expect(() => registered('dubbo://h:1/x', env)).toThrow(expect.objectContaining({ option }));
  });

  it('refuses a URL without interface, and shows no password', () => {
    expect(() => registered('dubbo://u:secret@h:1')).toThrow(InvalidUrlError);
    expect(() => registered('dubbo://u:secret@h:1')).not.toThrow('secret');
  });
});
