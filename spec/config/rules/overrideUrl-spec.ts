import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overrideRule } from '../../../lib/config/rules/overrideUrl.js';
import { overridden } from '../../../lib/config/rules/overridden.js';
import { fromNodeName, ServiceUrl, toNodeName } from '../../../lib/dubbo/index.js';
import { changes, CONSUMER, provider, urlRules } from '../support/rules.js';

const SERVICE = 'com.acme.Users?version=1.0';

describe('a rule that is a URL', () => {
  it('sets a weight as the admin console writes it', () => {
    const node =
      'override%3A%2F%2F10.0.0.1%3A20880%2Fcom.acme.Users%3Fcategory%3Dconfigurators%26dynamic%3Dfalse%26enabled%3Dtrue%26' +
      'name%3D%26version%3D1.0%26weight%3D200';
    const rule = overrideRule(fromNodeName(node))!;
    expect(changes([rule])).toMatchObject({ weight: '200' });
    expect(changes([rule], provider('10.0.0.2:20880'))).toEqual({});
  });

  it.each([
    [`override://0.0.0.0/${SERVICE}&a=1`, true],
    [`override://10.0.0.1:20880/${SERVICE}&a=1`, true],
    [`override://0.0.0.0:20880/${SERVICE}&a=1`, true],
    [`override://10.0.0.1:20881/${SERVICE}&a=1`, false],
    [`override://0.0.0.0:20881/${SERVICE}&a=1`, false],
    // Without a port, a host is a consumer's.
    [`override://10.9.9.9/${SERVICE}&a=1`, true],
    [`override://10.0.0.1/${SERVICE}&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&enabled=false&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&enabled=true&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&enabled=&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&compatible_config=true&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&application=shop&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&application=*&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&application=crm&a=1`, false],
    [`override://shop@0.0.0.0/${SERVICE}&a=1`, true],
    [`override://crm@0.0.0.0/${SERVICE}&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&side=consumer&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&side=provider&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&side=nobody&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&providerAddresses=10.0.0.2:20880,10.0.0.1:20880&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&providerAddresses=10.0.0.2&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&~zone=eu&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&~zone=us&a=1`, false],
    [`override://0.0.0.0/${SERVICE}&~zone=*&a=1`, true],
    [`override://0.0.0.0/${SERVICE}&configVersion=v2.7&side=consumer&a=1`, true],
    [`override://10.9.9.9/${SERVICE}&configVersion=v2.7&side=consumer&a=1`, true],
    [`override://10.0.0.1/${SERVICE}&configVersion=v2.7&side=consumer&a=1`, false],
    [`override://10.0.0.1/${SERVICE}&configVersion=v2.7&side=provider&a=1`, true],
    ['override://0.0.0.0/*?a=1', true],
    ['override://0.0.0.0/com.acme.Users?version=*&a=1', true],
    ['override://0.0.0.0/com.acme.Users?group=*&version=1.0&a=1', true],
    ['override://0.0.0.0/com.acme.Users?a=1', false],
    ['override://0.0.0.0/com.acme.Users?version=2.0&a=1', false],
    ['override://0.0.0.0/com.acme.Users?group=g&version=1.0&a=1', false],
    ['override://0.0.0.0/com.acme.Other?version=1.0&a=1', false],
    [`absent://0.0.0.0/${SERVICE}&a=1`, true],
  ])('%s: %s', (url, applies) => {
    expect(changes(urlRules(url), provider('10.0.0.1:20880', '&zone=eu'))).toEqual(applies ? { a: '1' } : {});
  });

  it('takes the version 0.0.0 for none', () => {
    const instance = ServiceUrl.parse('dubbo://10.0.0.1:1/a.B');
    expect(changes(urlRules('override://0.0.0.0/a.B?version=0.0.0&a=1'), instance)).toEqual({ a: '1' });
    const old = ServiceUrl.parse('dubbo://10.0.0.1:1/a.B?version=0.0.0');
    expect(changes(urlRules('override://0.0.0.0/a.B?a=1'), old)).toEqual({ a: '1' });
  });

  it('sets by default.x what it does not set by x, as Java does, and knows defaults of an instance', () => {
    const old = provider('10.0.0.1:20880', '&default.weight=7&default.zone=eu');
    const rule = (parameters: string) => urlRules(`override://0.0.0.0/${SERVICE}&${parameters}`);
    expect(changes(rule('default.weight=1'), old)).toEqual({ weight: '1' });
    expect(changes(rule('default.weight=1&weight=2'), old)).toEqual({ weight: '2' });
    expect(changes(rule('~zone=eu&weight=2'), old)).toEqual({ weight: '2' });
    expect(changes(rule('~zone=us&weight=2'), old)).toEqual({});
    expect(changes(urlRules(`absent://0.0.0.0/${SERVICE}&weight=2`), old)).toEqual({});
    expect(overrideRule(ServiceUrl.parse(`override://0.0.0.0/${SERVICE}&default.group=g&default.enabled=true`))).toBe(
      undefined,
    );
  });

  it('sets what is not there if it is an absent://, else what it says', () => {
    const instance = provider('10.0.0.1:20880', '&weight=7');
    const rules = (protocol: string) => urlRules(`${protocol}://0.0.0.0/${SERVICE}&weight=1&timeout=5`);
    expect(changes(rules('absent'), instance)).toEqual({ timeout: '5' });
    expect(changes(rules('override'), instance)).toEqual({ weight: '1', timeout: '5' });
  });

  it('wins for one host over any host, then by priority', () => {
    const any = `override://0.0.0.0/${SERVICE}&a=any&priority=9`;
    const one = `override://10.0.0.1:20880/${SERVICE}&a=one`;
    const more = `override://10.0.0.1:20880/${SERVICE}&a=more&priority=1`;
    expect(changes(urlRules(one, any))).toEqual({ a: 'one' });
    expect(changes(urlRules(more, any, one))).toEqual({ a: 'more' });
    expect(changes(urlRules(one, any, more))).toEqual({ a: 'more' });
  });

  it('sets nothing of what is a condition or a remark', () => {
    const remarks = 'category=configurators&dynamic=false&check=false&anyhost=true&interface=com.acme.Users&priority=1';
    expect(overrideRule(ServiceUrl.parse(`override://0.0.0.0/${SERVICE}&${remarks}`))).toBeUndefined();
  });

  it.each([
    'route://0.0.0.0/a.B?x=1',
    'override://0.0.0.0?x=1',
    'override://0.0.0.0/a.B?x=1&providerAddresses=a:b',
    'override://0.0.0.0/a.B?x=1&configVersion=v2.7',
  ])('refuses %s', (url) => {
    expect(() => overrideRule(ServiceUrl.parse(url))).toThrow(Error);
  });

  it('reads or refuses whatever can stand in a node', () => {
    const names =
      'category enabled application side providerAddresses configVersion priority ~x weight group version'.split(' ');
    const urls = fc
      .record({
        protocol: fc.constantFrom('override', 'absent', 'route'),
        host: fc.constantFrom('0.0.0.0', '10.0.0.1', 'fe80::1', 'h'),
        port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
        path: fc.constantFrom('', '*', 'com.acme.Users'),
        parameters: fc.dictionary(
          fc.constantFrom(...names),
          fc.oneof(fc.string(), fc.constantFrom('*', '1.0', 'true')),
        ),
      })
      .map((parts) => ServiceUrl.from(parts));
    fc.assert(
      fc.property(urls, (url) => {
        try {
          const rule = overrideRule(url);
          if (rule) overridden(provider(), [rule], CONSUMER);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
        }
      }),
    );
  });

  it('reads back from the node it is written to', () => {
    const url = ServiceUrl.parse(`override://0.0.0.0/${SERVICE}&category=configurators&dynamic=false&weight=5`);
    expect(changes([overrideRule(fromNodeName(toNodeName(url)))!])).toEqual({ weight: '5' });
  });
});

describe('rules', () => {
  it('that change nothing leave the very instance', () => {
    const instance = provider('10.0.0.1:20880', '&weight=5');
    const same = urlRules(`override://0.0.0.0/${SERVICE}&weight=5`);
    expect(overridden(instance, [], CONSUMER)).toBe(instance);
    expect(overridden(instance, same, CONSUMER)).toBe(instance);
    const thereAndBack = [...urlRules(`override://0.0.0.0/${SERVICE}&weight=1`), ...same];
    expect(overridden(instance, thereAndBack, CONSUMER)).toBe(instance);
  });

  it('of the provider’s side come first: what a consumer’s says of a parameter wins, or asks for it', () => {
    const byProvider = `override://0.0.0.0/${SERVICE}&side=provider&zone=eu&weight=1`;
    const byConsumer = `override://0.0.0.0/${SERVICE}&side=consumer&~zone=eu&weight=2`;
    expect(changes(urlRules(byConsumer, byProvider))).toEqual({ zone: 'eu', weight: '2' });
  });

  it('give the same result whatever the order of their URLs, and never another identity', () => {
    const url = fc
      .record({
        protocol: fc.constantFrom('override', 'absent'),
        host: fc.constantFrom('0.0.0.0', '10.0.0.1', '10.9.9.9'),
        port: fc.constantFrom(undefined, 20_880),
        priority: fc.integer({ min: 0, max: 3 }),
        parameters: fc.dictionary(
          fc.constantFrom('a', 'b', 'weight', 'group', 'interface'),
          fc.constantFrom('1', '2'),
          {
            minKeys: 1,
          },
        ),
      })
      .map(({ priority, parameters, ...parts }) => {
        // A group would be a condition; a rule that differs in nothing else than what it sets has no order of its own.
        const { group, ...rest } = parameters;
        const text = new Map([
          ...Object.entries(rest),
          ['version', group ? '*' : '1.0'],
          ['priority', `${priority}`],
        ] as const);
        return ServiceUrl.from({ ...parts, path: 'com.acme.Users', parameters: text }).toString();
      });
    const unambiguous = fc.uniqueArray(url, {
      maxLength: 8,
      selector: (text) => {
        const parsed = ServiceUrl.parse(text);
        return `${parsed.host} ${parsed.parameter('priority')}`;
      },
    });
    fc.assert(
      fc.property(
        unambiguous.chain((urls) => fc.tuple(fc.constant(urls), fc.shuffledSubarray(urls, { minLength: urls.length }))),
        ([urls, shuffled]) => {
          expect(changes(urlRules(...shuffled))).toEqual(changes(urlRules(...urls)));
        },
      ),
    );
  });
});
