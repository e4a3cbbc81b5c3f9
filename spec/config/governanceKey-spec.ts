import { describe, expect, it } from 'vitest';
import { governanceKey, type GovernanceTarget } from '../../lib/config/index.js';
import { InvalidOptionError } from '../../lib/errors.js';

describe('governanceKey', () => {
  it.each([
    ['configurators', { application: 'shop' }, 'shop.configurators'],
    ['condition-router', { application: 'shop' }, 'shop.condition-router'],
    ['tag-router', { application: 'shop' }, 'shop.tag-router'],
    ['configurators', { interface: 'a.B' }, 'a.B::.configurators'],
    ['configurators', { interface: 'a.B', version: '', group: '' }, 'a.B::.configurators'],
    ['configurators', { interface: 'a.B', version: '0.0.0' }, 'a.B::.configurators'],
    ['configurators', { interface: 'a.B', version: '1.0.0' }, 'a.B:1.0.0:.configurators'],
    ['configurators', { interface: 'a.B', group: 'g' }, 'a.B::g.configurators'],
    ['condition-router', { interface: 'a.B$C', version: '1.0.0', group: 'g' }, 'a.B$C:1.0.0:g.condition-router'],
  ] as const)('%s of %j', (kind, target, key) => {
    expect(governanceKey(kind, target)).toBe(key);
  });

  it.each([
    ['application', { application: '' }],
    ['application', { application: '../x' }],
    ['application', { application: 'a\u0000' }],
    ['application', { application: ' a' }],
    ['application', { application: undefined }],
    ['interface', {}],
    ['interface', { interface: '' }],
    ['interface', { interface: 'a/B' }],
    ['interface', { interface: 'a:B' }],
    ['version', { interface: 'a.B', version: '1:0' }],
    ['version', { interface: 'a.B', version: 1 }],
    ['group', { interface: 'a.B', group: 'x/y' }],
    ['target', 'shop'],
    ['target', null],
  ])('names %s, refusing %j', (option, target) => {
    const make = () => governanceKey('configurators', target as unknown as GovernanceTarget);
    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(`\`${option}\``);
  });

  it('knows no other kinds, and tag rules only for applications', () => {
    expect(() => governanceKey('routers' as 'tag-router', { application: 'shop' })).toThrow('`kind`');
    expect(() => governanceKey('tag-router', { interface: 'a.B' })).toThrow('`application`');
  });
});
