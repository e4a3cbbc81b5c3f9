import { describe, expect, it } from 'vitest';
import { categoriesOf, matcher, matches } from '../../lib/dubbo/matching.js';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';

const query = (parameters: string) => ServiceUrl.parse(`consumer://0.0.0.0/i?${parameters}`);
const provider = (parameters: string) => ServiceUrl.parse(`dubbo://10.0.0.1:20880/i?${parameters}`);

describe('matches', () => {
  it.each([
    ['', '', true],
    ['interface=other', '', false],
    ['interface=*', '', true],
    ['', 'interface=*', true],
    ['interface=j', 'interface=j', true],

    ['group=g', 'group=g', true],
    ['group=g', 'group=h', false],
    ['group=g', '', false],
    ['', 'group=g', false],
    ['', 'group=', false],
    ['group=', '', false],
    ['group=', 'group=', true],
    ['group=*', '', true],
    ['group=*', 'group=', true],
    ['group=*', 'group=g', true],
    ['group=g,h', 'group=h', true],
    ['group=g , h', 'group=h', true],
    ['group=g,h', 'group=k', false],
    ['group=g,h', '', false],
    ['group=g,,h', 'group=', false],
    ['group=g,h', 'group=g,h', true],
    ['group=gh', 'group=g', false],
    ['group=g,*', 'group=k', false],
    ['group=g', 'group=*', false],

    ['version=1', 'version=1', true],
    ['version=1', 'version=2', false],
    ['version=1', '', false],
    ['', 'version=1', false],
    ['', 'version=', false],
    ['version=*', 'version=1', true],
    ['version=*', '', true],
    ['version=1,2', 'version=2', true],
    ['version=1,2', 'version=3', false],
    ['version=1', 'version=*', false],

    ['', 'enabled=false', false],
    ['', 'enabled=no', false],
    ['', 'enabled=TRUE', true],
    ['', 'enabled=', true],
    ['enabled=*', 'enabled=false', true],
    ['enabled=true', 'enabled=false', false],
    ['enabled=false', '', true],

    // What a provider of Dubbo 2.5 or 2.6 writes for all its services.
    ['group=g&version=1', 'default.group=g&default.version=1', true],
    ['', 'default.group=g', false],
    ['', 'default.version=1', false],
    ['group=g', 'default.group=g&group=h', false],
    ['group=h', 'default.group=g&group=h', true],
    ['', 'default.group=g&group=', false],
    ['', 'default.enabled=false', false],
    ['classifier=c', 'default.classifier=c', true],
    ['default.group=g', 'group=g', true],

    // What a provider says of itself, as Java's directory heeds it.
    ['', 'disabled=true', false],
    ['', 'disabled=TRUE', false],
    ['', 'disabled=false', true],
    ['', 'disabled=yes', true],
    ['', 'disabled=', true],
    ['', 'default.disabled=true', false],
    ['', 'default.disabled=true&disabled=false', true],
    ['', 'disabled=false&enabled=false', false],
    ['enabled=*', 'disabled=true', true],
    ['enabled=true', 'disabled=true', false],
    ['disabled=true', '', true],
    // In a rule it is what the rule sets.
    ['category=configurators', 'category=configurators&disabled=true', true],
    ['category=configurators', 'category=configurators&enabled=false', false],
    ['category=consumers', 'category=consumers&disabled=true', true],

    ['classifier=c', '', false],
    ['classifier=c', 'classifier=c', true],
    ['classifier=c', 'classifier=d', false],
    ['classifier=*', 'classifier=d', true],
    ['classifier=', 'classifier=d', true],
    ['', 'classifier=d', true],
    ['classifier=*', '', true],

    ['category=providers', '', true],
    ['category=providers', 'category=providers', true],
    ['category=consumers', '', false],
    ['category=providers,configurators', '', true],
    ['category=providers , configurators', 'category=configurators', true],
    ['category=providers,configurators', 'category=routers', false],
    ['category=dynamicrouters', 'category=routers', false],
    ['category=*', 'category=mine', true],
    ['category=', '', true],
    ['', 'category=routers', false],
    ['category=-routers', '', true],
    ['category=-routers', 'category=routers', false],
    ['category=-routers-old', 'category=routers', true],
    ['category=-routers,-consumers', 'category=consumers', false],
    ['category=my-own', 'category=my-own', true],
    ['category=my-own', '', false],
  ])('a query for %j and a node with %j: %s', (asked, offered, answer) => {
    expect(matches(query(asked), provider(offered))).toBe(answer);
  });

  it('compares interfaces, whether they stand in the parameter or in the path', () => {
    expect(matches(query(''), ServiceUrl.parse('dubbo://h/path?interface=i'))).toBe(true);
    expect(matches(query(''), ServiceUrl.parse('dubbo://h/j'))).toBe(false);
  });

  it('does not take a rule or a consumer for a provider', () => {
    for (const protocol of ['override', 'route', 'condition', 'script', 'consumer']) {
      expect(matches(query(''), ServiceUrl.parse(`${protocol}://0.0.0.0/i`)), protocol).toBe(false);
    }
    expect(matches(query('category=configurators'), ServiceUrl.parse('override://0.0.0.0/i'))).toBe(true);
  });
});

describe('matcher', () => {
  it('answers for many nodes', () => {
    const wanted = matcher(query('group=a,b&version=*'));
    const nodes = ['group=a', 'group=b&version=1', 'group=c', ''].map(provider);
    expect(nodes.map(wanted)).toEqual([true, true, false, false]);
  });
});

describe('categoriesOf', () => {
  it.each([
    ['', ['providers']],
    ['category=', ['providers']],
    ['category=,', ['providers']],
    ['category=*', ['providers', 'consumers', 'routers', 'configurators']],
    ['category=providers, configurators,,providers', ['providers', 'configurators']],
    ['category=-routers', ['providers', 'consumers', 'configurators']],
    ['category=-routers,-providers', ['consumers', 'configurators']],
    ['category=providers,-routers', ['providers', 'consumers', 'configurators']],
    ['category=mine', ['mine']],
  ])('of %j are %j', (parameters, categories) => {
    expect(categoriesOf(query(parameters))).toEqual(categories);
  });
});
