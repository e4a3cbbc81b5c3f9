import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CATEGORIES,
  categoryPath,
  interfaceOfDirectory,
  nodePath,
  rootPath,
  servicePath,
} from '../../lib/dubbo/paths.js';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';
import { InvalidOptionError, InvalidUrlError, UnreadableNodeError } from '../../lib/errors.js';

describe('rootPath', () => {
  it.each([
    [undefined, '/dubbo'],
    ['dubbo', '/dubbo'],
    ['/dubbo', '/dubbo'],
    ['/', '/'],
    ['shop/eu', '/shop/eu'],
  ])('of %j is %s', (group, path) => {
    expect(rootPath(group)).toBe(path);
  });

  it.each(['', '//', '/a/', 'a//b', '.', '..', 'a/../b', 'a\0', 'a\uE000', '\u{1F600}'])('refuses %j', (group) => {
    expect(() => rootPath(group)).toThrow(InvalidOptionError);
  });
});

describe('servicePath and categoryPath', () => {
  it('encode the interface, and put nothing twice', () => {
    expect(servicePath('/dubbo', 'com.foo.Outer$Inner')).toBe('/dubbo/com.foo.Outer%24Inner');
    expect(servicePath('/', 'com.foo.Bar')).toBe('/com.foo.Bar');
    expect(servicePath('/dubbo', 'a/b')).toBe('/dubbo/a%2Fb');
    expect(categoryPath('/', 'com.foo.Bar', 'providers')).toBe('/com.foo.Bar/providers');
    expect(CATEGORIES.map((category) => categoryPath('/dubbo', 'i', category))).toEqual([
      '/dubbo/i/providers',
      '/dubbo/i/consumers',
      '/dubbo/i/routers',
      '/dubbo/i/configurators',
    ]);
  });

  it.each(['', '.', '..', '*'])('refuse the interface %j', (name) => {
    expect(() => servicePath('/dubbo', name)).toThrow(InvalidUrlError);
    expect(() => categoryPath('/dubbo', name, 'providers')).toThrow(InvalidUrlError);
  });

  it.each(['', '.', '..', '*', 'a/b', 'providers,routers', 'a b', 'ä', 'a\n'])('refuse the category %j', (category) => {
    expect(() => categoryPath('/dubbo', 'i', category)).toThrow(InvalidUrlError);
  });

  it('never leave the root, whatever the interface is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        fc.pre(!['', '.', '..', '*'].includes(name));
        const path = servicePath('/dubbo', name);
        expect(path).toMatch(/^\/dubbo\/[^/]+$/);
        expect(interfaceOfDirectory(path.slice('/dubbo/'.length))).toBe(name);
      }),
    );
  });
});

describe('nodePath', () => {
  it('is where Java and dubbo-go put the same service', () => {
    const provider = 'dubbo://10.0.0.1:20880/com.foo.Bar?side=provider&interface=com.foo.Bar';
    expect(nodePath('/dubbo', ServiceUrl.parse(provider))).toBe(
      '/dubbo/com.foo.Bar/providers/dubbo%3A%2F%2F10.0.0.1%3A20880%2Fcom.foo.Bar%3Finterface%3Dcom.foo.Bar%26side%3Dprovider',
    );
    expect(nodePath('/', ServiceUrl.parse('consumer://10.0.0.1/path?interface=i'))).toBe(
      '/i/consumers/consumer%3A%2F%2F10.0.0.1%2Fpath%3Finterface%3Di',
    );
  });

  it.each(['dubbo://h/..', 'dubbo://h', 'dubbo://h/x?category=a/b', 'dubbo://h/x?category=..', 'dubbo:///x'])(
    'refuses %s',
    (url) => {
      expect(() => nodePath('/dubbo', ServiceUrl.parse(url))).toThrow(InvalidUrlError);
    },
  );
});

describe('interfaceOfDirectory', () => {
  it.each([
    ['com.foo.Outer%24Inner', 'com.foo.Outer$Inner'],
    ['com.foo.Outer$Inner', 'com.foo.Outer$Inner'],
    ['%2a', '*'],
  ])('reads %s', (name, interfaceName) => {
    expect(interfaceOfDirectory(name)).toBe(interfaceName);
  });

  it.each(['', '.', '..', 'a\nb', '\u009b2J', '\ud800', '\ufffd', 'x'.repeat(65_537)])(
    'refuses what is no part of any path: %j',
    (name) => {
      expect(() => interfaceOfDirectory(name)).toThrow(UnreadableNodeError);
    },
  );

  it('refuses a bad escape', () => {
    expect(() => interfaceOfDirectory('a%2')).toThrow(UnreadableNodeError);
  });
});
