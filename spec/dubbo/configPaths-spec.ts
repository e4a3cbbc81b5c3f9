import { describe, expect, it } from 'vitest';
import { configGroupPath, configPath, configRoot, dottedConfigPath } from '../../lib/dubbo/configPaths.js';
import { InvalidOptionError } from '../../lib/errors.js';

describe('where a configuration centre keeps its values', () => {
  it.each([
    [undefined, '/dubbo/config'],
    ['shop', '/shop/config'],
    ['/shop/eu', '/shop/eu/config'],
    ['/', '/config'],
  ])('below %s', (namespace, root) => expect(configRoot(namespace)).toBe(root));

  it.each(['', 'a//b', '..', 'a/', '\0'])('not below %j', (namespace) => {
    expect(() => configRoot(namespace)).toThrow('`namespace`');
  });

  it('names stand as they are', () => {
    expect(configGroupPath('/dubbo/config')).toBe('/dubbo/config/dubbo');
    expect(configPath('/dubbo/config', undefined, 'g*com.foo.Bar:1.0.configurators')).toBe(
      '/dubbo/config/dubbo/g*com.foo.Bar:1.0.configurators',
    );
    expect(configPath('/config', 'acme', 'a b%2F')).toBe('/config/acme/a b%2F');
  });

  it('refuses what no node can be named, and says which it was', () => {
    expect(() => configPath('/c', 'a/b', 'key')).toThrow(InvalidOptionError);
    expect(() => configPath('/c', 'a/b', 'key')).toThrow('`group`');
    expect(() => configPath('/c', 'a', 'a/b')).toThrow('`key`');
    expect(() => configPath('/c', 'a', 'ä'.repeat(513))).toThrow('1024 bytes');
  });

  it.each([
    ['a.b.Svc.configurators', '/dubbo/config/a.b.Svc/configurators'],
    ['app.configurators', '/dubbo/config/app/configurators'],
    ['nodots', undefined],
    ['.configurators', undefined],
    ['app.', undefined],
    ['..configurators', undefined],
    ['...', undefined],
  ])('dubbo-go 1.3 kept %j in %s', (key, path) => expect(dottedConfigPath('/dubbo/config', key)).toBe(path));
});
