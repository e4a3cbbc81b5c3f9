import { describe, expect, expectTypeOf, it } from 'vitest';
import { instanceKey, type ServiceUrl } from '../../lib/dubbo/index.js';
import { fromNodeName, toNodeName } from '../../lib/dubbo/nodeName.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { createRegistry } from '../../lib/index.js';
import { preferZone } from '../../lib/operators/index.js';
import {
  FAKE_INTERFACE,
  type FakeInstance,
  fakeInstance,
  fakeInstances,
  marbleBackend,
  recordOf,
} from '../../lib/testing/index.js';
import { VirtualTime } from '../support/virtual/index.js';

describe('fakeInstance', () => {
  it('is a provider like any other', () => {
    expect(fakeInstance().toString()).toBe(
      'dubbo://10.0.0.1:20880/com.acme.UserService?category=providers&interface=com.acme.UserService&pid=1' +
        '&release=fake&side=provider&timestamp=1700000001000&weight=100&zone=eu-1',
    );
    expect(fakeInstance(1).equals(fakeInstance())).toBe(true);
    expect(fakeInstance({ number: 7 }).equals(fakeInstance(7))).toBe(true);
    expect(FAKE_INTERFACE).toBe('com.acme.UserService');
  });

  it.each([
    [2, '10.0.0.2', 'eu-2'],
    [255, '10.0.0.255', 'eu-3'],
    [256, '10.0.1.0', 'eu-1'],
    [65_536, '10.1.0.0', 'eu-1'],
    [16_777_215, '10.255.255.255', 'eu-3'],
  ])('of number %i is at %s in %s', (number, host, zone) => {
    const instance = fakeInstance(number);
    expect([instance.host, instance.parameter('zone')]).toEqual([host, zone]);
    expect(instance.parameter('timestamp')).toBe(String(1_700_000_000_000 + number * 1_000));
  });

  it('is what it is told to be', () => {
    const instance = fakeInstance({
      number: 3,
      protocol: 'tri',
      host: 'db.example',
      port: 50_051,
      interface: 'com.acme.Other',
      group: 'blue',
      version: '2.0.0',
      weight: 0,
      zone: 'us-1',
      timestamp: 5,
      parameters: { 'dubbo.tag': 'gray', pid: undefined },
    });
    expect(instance.toString()).toBe(
      'tri://db.example:50051/com.acme.Other?category=providers&dubbo.tag=gray&group=blue&interface=com.acme.Other' +
        '&release=fake&side=provider&timestamp=5&version=2.0.0&weight=0&zone=us-1',
    );
  });

  it('is found as it is registered', () => {
    const time = new VirtualTime();
    const backend = marbleBackend({ scheduler: time.scheduler });
    const states = recordOf(createRegistry(backend).register(fakeInstance(4)));
    time.pass(1);
    expect(states.last?.url.equals(fakeInstance(4))).toBe(true);
    expect(fromNodeName(toNodeName(fakeInstance(4))).equals(fakeInstance(4))).toBe(true);
  });

  it.each<[string, unknown]>([
    ['no number', Number.NaN],
    ['a number below 1', 0],
    ['a fraction', 1.5],
    ['a number above what hosts there are', 16_777_216],
    ['null', null],
    ['a text', 'a'],
    ['an unknown field', { wieght: 5 }],
    ['a weight below 0', { weight: -1 }],
    ['a weight that is no number', { weight: '5' }],
    ['a weight above what Dubbo reads', { weight: 2 ** 31 }],
    ['a port that is none', { port: 65_536 }],
    ['an empty host', { host: '' }],
    ['a host that cannot be written', { host: 'a/b' }],
    ['a protocol that is none', { protocol: '1/2' }],
    ['an interface that is none', { interface: '*' }],
    ['an empty zone', { zone: '' }],
    ['a group that is none', { group: 5 }],
    ['a version that is none', { version: '' }],
    ['a timestamp that is none', { timestamp: 0.5 }],
    ['a parameter that is none', { parameters: { x: 5 } }],
    ['a parameter that cannot be written', { parameters: { x: 'a&b' } }],
  ])('refuses %s', (_, like) => {
    expect(() => fakeInstance(like as FakeInstance)).toThrow(InvalidOptionError);
  });
});

describe('fakeInstances', () => {
  it('are as many as asked for, each another', () => {
    const many = fakeInstances(1_000);
    expect(many).toHaveLength(1_000);
    expect(new Set(many.map(instanceKey)).size).toBe(1_000);
    expect(new Set(many.map(({ host }) => host)).size).toBe(1_000);
    expect(new Set(many.map((instance) => instance.parameter('timestamp'))).size).toBe(1_000);
    expect(many[499]!.equals(fakeInstance(500))).toBe(true);
    expect(fakeInstances(0)).toEqual([]);
  });

  it('are a tuple where their number is known', () => {
    expectTypeOf(fakeInstances(2)).toEqualTypeOf<readonly [ServiceUrl, ServiceUrl]>();
    expectTypeOf(fakeInstances(0)).toEqualTypeOf<readonly []>();
    expectTypeOf(fakeInstances(200)).toEqualTypeOf<readonly ServiceUrl[]>();
    expectTypeOf(fakeInstances(Number('5'))).toEqualTypeOf<readonly ServiceUrl[]>();
  });

  it('are dealt what is given as a list', () => {
    const dealt = fakeInstances(5, { from: 11, zone: ['a', 'b'], weight: [1, 2, 3], version: '1.0.0' });
    expect(dealt.map(({ host }) => host)).toEqual(['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14', '10.0.0.15']);
    expect(dealt.map((each) => each.parameter('zone'))).toEqual(['a', 'b', 'a', 'b', 'a']);
    expect(dealt.map((each) => each.parameter('weight'))).toEqual(['1', '2', '3', '1', '2']);
    expect(dealt.map(({ version }) => version)).toEqual(Array(5).fill('1.0.0'));
  });

  it('have zones as the operators read them', () => {
    const time = new VirtualTime();
    const { scheduler } = time;
    const backend = marbleBackend({ contents: 'A', values: { A: fakeInstances(6) }, scheduler });
    const near = createRegistry(backend).instances({ interface: FAKE_INTERFACE }).pipe(preferZone('eu-2'));
    const record = recordOf(near, { scheduler });
    time.pass(1);
    expect([...record.last!].map(({ host }) => host).sort()).toEqual(['10.0.0.2', '10.0.0.5']);
  });

  it.each<[string, number, unknown]>([
    ['a count below 0', -1, {}],
    ['a count that is none', 1.5, {}],
    ['an empty list', 2, { zone: [] }],
    ['what fakeInstance refuses', 2, { weight: [1, -1] }],
    ['an unknown field', 1, { wieght: 1 }],
    ['a first number that is none', 1, { from: 0 }],
    ['numbers of their own', 2, { number: 5 }],
    ['null', 1, null],
  ])('refuse %s', (_, count, like) => {
    expect(() => fakeInstances(count, like as object)).toThrow(InvalidOptionError);
  });
});
