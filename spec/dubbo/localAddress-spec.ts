import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { localAddress } from '../../lib/dubbo/localAddress.js';

const address = (text: string, internal = false): NetworkInterfaceInfo => {
  const rest = { address: text, internal, netmask: '', mac: '', cidr: null };
  return text.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' };
};

describe('localAddress', () => {
  it.each([
    [
      'the first IPv4 address',
      { lo: [address('127.0.0.1', true)], eth: [address('2001:db8::1'), address('10.0.0.1')] },
      '10.0.0.1',
    ],
    [
      'an IPv6 address without any',
      { lo: [address('127.0.0.1', true)], eth: [address('fe80::1'), address('2001:db8::1')] },
      '2001:db8::1',
    ],
    ['the loopback without network', { lo: [address('127.0.0.1', true), address('::1', true)] }, '127.0.0.1'],
    ['the loopback with one link only', { eth: [address('fe80::1')], none: undefined }, '127.0.0.1'],
    ['the loopback without interfaces', {}, '127.0.0.1'],
  ])('is %s', (_, interfaces, expected) => {
    expect(localAddress(interfaces)).toBe(expected);
  });

  it('is an address on this host', () => {
    expect(isIP(localAddress())).not.toBe(0);
  });
});
