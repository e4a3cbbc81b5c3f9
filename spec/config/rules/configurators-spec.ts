import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../lib/config/formats/parseYaml.js';
import { type DocumentPlace, readConfigurators } from '../../../lib/config/rules/configurators.js';
import { changes, CONSUMER, documentRules, provider, USERS } from '../support/rules.js';
import { cpuMs } from '../../support/cpuMs.js';

const SHOP = { application: 'shop' };
const PROVIDERS = { application: 'users' };

/** A document under the key of the service with these configs. */
const service = (...configs: string[]): string =>
  `configVersion: v2.7\nscope: service\nkey: com.acme.Users:1.0\nenabled: true\nconfigs:\n${configs.map((config) => `- ${config}`).join('\n')}`;
const application = (name: string, ...configs: string[]): string =>
  service(...configs).replace('scope: service\nkey: com.acme.Users:1.0', `scope: application\nkey: ${name}`);

/** What a document makes of the usual provider, or says of itself. */
function problemsOf(yaml: string, place: DocumentPlace = USERS): readonly string[] {
  try {
    return readConfigurators(parseYaml(yaml), place).problems;
  } catch (error) {
    return [`refused: ${(error as Error).message}`];
  }
}

describe('a document of configurators', () => {
  it('sets parameters as a weight of the admin console does', () => {
    // As SnakeYAML writes it; the switch of the document is of no meaning to what the console's own forms made.
    const yaml = `configVersion: v2.7
configs:
- addresses: [10.0.0.1:20880]
  applications: null
  enabled: true
  match: null
  parameters: {weight: 200}
  providerAddresses: null
  services: null
  side: provider
  type: weight
enabled: false
key: com.acme.Users
priority: 0
runtime: false
scope: service
`;
    expect(changes(documentRules(yaml))).toEqual({ weight: '200' });
    expect(changes(documentRules(yaml), provider('10.0.0.2:20880'))).toEqual({});
  });

  it('writes what YAML has as numbers and truth values as Java would', () => {
    const rules = documentRules(service('{side: consumer, parameters: {timeout: 6666, a: 1.5, b: true, c: " x "}}'));
    expect(changes(rules)).toEqual({ timeout: '6666', a: '1.5', b: 'true', c: 'x' });
  });

  it('takes an instance out with disabled, and back in with its opposite', () => {
    expect(changes(documentRules(service('{side: consumer, parameters: {disabled: true}}')))).toBe('removed');
    const enabling = documentRules(service('{side: consumer, parameters: {disabled: false}}'));
    expect(changes([], provider('10.0.0.1:1', '&disabled=true'))).toBe('removed');
    expect(changes(enabling, provider('10.0.0.1:1', '&disabled=true'))).toEqual({ disabled: 'false' });
    for (const off of ['default.disabled=true', 'enabled=false']) {
      expect(changes([], provider('10.0.0.1:1', `&${off}`))).toBe('removed');
      expect(changes(enabling, provider('10.0.0.1:1', `&${off}`))).toEqual({ disabled: 'false' });
    }
  });

  describe('and its switches', () => {
    const set = 'parameters: {weight: 1}';
    it.each([
      ['all on', '', `{side: consumer, ${set}}`, true],
      ['the document off', 'enabled: false', `{side: consumer, ${set}}`, false],
      ['the document off in words', 'enabled: "False"', `{side: consumer, ${set}}`, false],
      ['the document on in words', 'enabled: yes', `{side: consumer, ${set}}`, true],
      ['the config off', '', `{side: consumer, enabled: false, ${set}}`, false],
      [
        'a general config, the document off',
        'enabled: false',
        `{side: consumer, type: general, enabled: true, ${set}}`,
        false,
      ],
      [
        'a typed config, the document off',
        'enabled: false',
        `{side: consumer, type: weight, enabled: true, ${set}}`,
        true,
      ],
      ['a typed config off', '', `{side: consumer, type: weight, enabled: false, ${set}}`, false],
    ])('%s', (_, root, config, applies) => {
      const rules = documentRules(service(config).replace('enabled: true\n', root === '' ? '' : `${root}\n`));
      expect(changes(rules)).toEqual(applies ? { weight: '1' } : {});
    });
  });

  describe('and its addresses', () => {
    it.each([
      ['{side: consumer, parameters: {a: 1}}', true],
      ['{side: consumer, addresses: [], parameters: {a: 1}}', true],
      ['{side: consumer, addresses: [10.9.9.9], parameters: {a: 1}}', true],
      ['{side: consumer, addresses: ["10.9.9.9:0"], parameters: {a: 1}}', true],
      ['{side: consumer, addresses: [0.0.0.0], parameters: {a: 1}}', true],
      ['{side: consumer, addresses: [10.9.9.8, 10.9.9.9], parameters: {a: 1}}', true],
      ['{side: consumer, addresses: [10.9.9.8], parameters: {a: 1}}', false],
      ['{side: consumer, addresses: [10.0.0.1], parameters: {a: 1}}', false],
      ['{side: consumer, providerAddresses: ["10.0.0.1:20880"], parameters: {a: 1}}', true],
      ['{side: consumer, providerAddresses: [10.0.0.1], parameters: {a: 1}}', true],
      ['{side: consumer, providerAddresses: ["0.0.0.0:*"], parameters: {a: 1}}', true],
      ['{side: consumer, providerAddresses: ["0.0.0.0:20880"], parameters: {a: 1}}', true],
      ['{side: consumer, providerAddresses: ["0.0.0.0:20881"], parameters: {a: 1}}', false],
      ['{side: consumer, providerAddresses: ["10.0.0.1:20881"], parameters: {a: 1}}', false],
      ['{side: consumer, addresses: [10.9.9.8], providerAddresses: [10.0.0.1], parameters: {a: 1}}', false],
      ['{side: provider, parameters: {a: 1}}', true],
      ['{side: provider, addresses: ["10.0.0.1:20880"], parameters: {a: 1}}', true],
      ['{side: provider, addresses: [10.0.0.1], parameters: {a: 1}}', true],
      ['{side: provider, addresses: ["10.0.0.1:20881"], parameters: {a: 1}}', false],
      ['{side: provider, addresses: ["0.0.0.0:20880"], parameters: {a: 1}}', true],
      ['{side: provider, addresses: ["0.0.0.0:20881"], parameters: {a: 1}}', false],
      ['{side: provider, addresses: [10.9.9.9], parameters: {a: 1}}', false],
      ['{side: provider, addresses: ["10.0.0.1:20881", "10.0.0.1:20880"], parameters: {a: 1}}', true],
    ])('%s: %s', (config, applies) => {
      expect(changes(documentRules(service(config)))).toEqual(applies ? { a: '1' } : {});
    });

    it('an IPv6 address, with brackets or without', () => {
      for (const address of ['"[fe80::1]:20880"', '"[fe80::1]"', '"fe80::1"']) {
        const rules = documentRules(service(`{side: provider, addresses: [${address}], parameters: {a: 1}}`));
        expect(changes(rules, provider('[fe80::1]:20880'))).toEqual({ a: '1' });
        expect(changes(rules, provider('[fe80::2]:20880'))).toEqual({});
      }
    });
  });

  it('for some applications only: the condition that Go loses', () => {
    const rules = documentRules(service('{side: consumer, applications: [crm, shop], parameters: {a: 1}}'));
    expect(changes(rules)).toEqual({ a: '1' });
    expect(changes(rules, provider(), { ...CONSUMER, application: 'crm' })).toEqual({ a: '1' });
    expect(changes(rules, provider(), { ...CONSUMER, application: 'other' })).toEqual({});
    expect(changes(documentRules(service('{side: consumer, applications: ["*"], parameters: {a: 1}}')))).toEqual({
      a: '1',
    });
  });

  it('of an application, for some services: those after the first, which are garbage to Go', () => {
    const yaml = application('shop', '{side: consumer, services: [a.B, com.acme.Users:1.0, c.D], parameters: {a: 1}}');
    expect(changes(documentRules(yaml, SHOP))).toEqual({ a: '1' });
    const others = application(
      'shop',
      '{side: consumer, services: [com.acme.Users, g/com.acme.Users:1.0], parameters: {a: 1}}',
    );
    expect(changes(documentRules(others, SHOP))).toEqual({});
    const grouped = provider('10.0.0.1:20880', '&group=g');
    expect(changes(documentRules(others, SHOP), grouped)).toEqual({ a: '1' });
    for (const all of ['services: ["*"], ', 'services: [], ', '']) {
      const rules = documentRules(application('shop', `{side: consumer, ${all}parameters: {a: 1}}`), SHOP);
      expect(changes(rules, grouped)).toEqual({ a: '1' });
    }
  });

  it('of an application, for that application on the side it names', () => {
    const consumers = documentRules(application('shop', '{side: consumer, parameters: {a: 1}}'), SHOP);
    expect(changes(consumers)).toEqual({ a: '1' });
    expect(changes(consumers, provider(), { ...CONSUMER, application: 'crm' })).toEqual({});
    const providers = documentRules(application('users', '{side: provider, parameters: {a: 1}}'), PROVIDERS);
    expect(changes(providers)).toEqual({ a: '1' });
    const wrongSide = documentRules(application('users', '{side: consumer, parameters: {a: 1}}'), PROVIDERS);
    expect(changes(wrongSide)).toEqual({});
  });

  it('sets values as they are, which Java and Go write into a URL unescaped', () => {
    const rules = documentRules(
      service(`{side: consumer, parameters: {a: "x&disabled=true", b: "1+2=3%", c: "ü;#?/"}}`),
    );
    expect(changes(rules)).toEqual({ a: 'x&disabled=true', b: '1+2=3%', c: 'ü;#?/' });
  });

  it('never changes who an instance is, and says so', () => {
    const names = 'group version interface category side application path enabled'.split(' ');
    for (const name of names) {
      const yaml = service(`{side: consumer, parameters: {${name}: x, weight: 5}}`);
      const { rules, problems } = readConfigurators(parseYaml(yaml), USERS);
      expect(changes(rules)).toEqual({ weight: '5' });
      expect(problems).toEqual([`parameter "${name}" is not for rules to set.`]);
    }
  });

  it('asks for parameters that start with a tilde', () => {
    const rules = documentRules(service('{side: consumer, parameters: {"~zone": eu, a: 1}}'));
    expect(changes(rules, provider('10.0.0.1:1', '&zone=eu'))).toEqual({ a: '1' });
    expect(changes(rules, provider('10.0.0.1:1', '&zone=us'))).toEqual({});
  });

  it('lets a rule for one host win over one for all, wherever they stand, and else the later one', () => {
    const all = '{side: provider, parameters: {a: all, b: all}}';
    const one = '{side: provider, addresses: [10.0.0.1], parameters: {a: one}}';
    const more = '{side: provider, parameters: {b: more}}';
    expect(changes(documentRules(service(one, all, more)))).toEqual({ a: 'one', b: 'more' });
    expect(changes(documentRules(service(all, more, one)))).toEqual({ a: 'one', b: 'more' });
  });

  it('reads what the console writes as key, and no rule of somebody else', () => {
    const place = { interface: 'com.acme.Users', group: 'g', version: '1.0' };
    const keyed = (key: string) => `{scope: service, key: "${key}", configs: [{side: consumer, parameters: {a: 1}}]}`;
    for (const key of ['com.acme.Users', 'g/com.acme.Users:1.0', 'com.acme.Users:1.0:g', '*/com.acme.Users:*']) {
      expect(problemsOf(keyed(key), place)).toEqual([]);
    }
    for (const key of ['com.acme.User', 'h/com.acme.Users:1.0', 'com.acme.Users:2.0', 'com.acme.Users:1.0:h', '*']) {
      expect(problemsOf(keyed(key), place)[0]).toMatch(/^refused: expected its key/);
    }
  });

  it('reads a list of URLs, as Java does', () => {
    const json =
      '["override://0.0.0.0:20880/com.acme.Users?category=configurators&timeout=6666&version=1.0&priority=1"]';
    expect(changes(documentRules(json))).toEqual({ timeout: '6666' });
  });

  it('that holds nothing says nothing', () => {
    for (const yaml of ['', '# later', 'null', service().replace('configs:\n', 'configs: []'), service()]) {
      expect(changes(documentRules(yaml))).toEqual({});
    }
  });

  it.each([
    ['5', 'expected the document to be a map'],
    ['configVersion: v9\nconfigs: []', 'expected configVersion to be v2.7 or v3.x, got "v9".'],
    [
      'scope: application\nkey: com.acme.Users\nconfigs: []',
      'expected scope service under this key, got "application".',
    ],
    ['configs: []', 'expected key to be a text or a number, got nothing.'],
    ['key: com.acme.Users\nconfigs: {}', 'expected configs to be a list, got a map.'],
    [service('{parameters: {a: 1}}'), 'configs[0]: expected side to be consumer or provider'],
    [service('{side: consumer}'), 'configs[0]: expected parameters to be a map, got nothing.'],
    [service('{side: consumer, parameters: {}}'), 'configs[0]: expected parameters to set something.'],
    [
      service('{side: consumer, parameters: {a: [1]}}'),
      'configs[0]: expected parameters.a to be a text or a number, got a list.',
    ],
    [
      service('{side: consumer, addresses: 10.0.0.1, parameters: {a: 1}}'),
      'configs[0]: expected addresses to be a list',
    ],
    [
      service('{side: consumer, addresses: ["a:b"], parameters: {a: 1}}'),
      'configs[0]: expected host or host:port, got "a:b".',
    ],
    [
      service('{side: consumer, match: {nope: 1}, parameters: {a: 1}}'),
      'configs[0]: match has "nope", which is not known.',
    ],
    [service('5'), 'configs[0]: expected it to be a map, got a number.'],
  ])('refuses %j', (yaml, reason) => {
    expect(problemsOf(yaml)[0]).toContain(`refused: ${reason}`);
  });

  it('leaves out what cannot be read, and keeps the rest', () => {
    const yaml = service('{side: nobody, parameters: {a: 1}}', '{side: consumer, parameters: {b: 2}}', '7');
    const { rules, problems } = readConfigurators(parseYaml(yaml), USERS);
    expect(changes(rules)).toEqual({ b: '2' });
    expect(problems).toHaveLength(2);
  });

  it('whatever it is, is read or refused with a reason', () => {
    const words = fc.constantFrom(
      'consumer',
      'provider',
      'shop',
      'com.acme.Users:1.0',
      '0.0.0.0',
      '10.0.0.1:20880',
      'v3.0',
      'service',
      'true',
      '*',
    );
    const anything = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        words,
        fc.anything({ maxDepth: 1 }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom(
            ...'configs configVersion scope key enabled side type addresses providerAddresses'.split(' '),
            ...'applications services parameters match address service app param oneof exact cidr'.split(' '),
          ),
          tie('value'),
          { maxKeys: 6 },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(anything, fc.boolean(), (document, isService) => {
        try {
          const { rules } = readConfigurators(document, isService ? USERS : SHOP);
          changes(rules);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the match of a document of version 3', () => {
  const matching = (match: string, side = 'consumer'): string =>
    `configVersion: v3.0\nscope: service\nkey: com.acme.Users\nconfigs: [{side: ${side}, match: ${match}, parameters: {a: 1}}]`;

  it.each([
    ['{address: {exact: 10.9.9.9}}', true],
    ['{address: {exact: 10.0.0.1}}', false],
    ['{address: {wildcard: "10.9.*"}}', true],
    ['{address: {wildcard: "*.9"}}', true],
    ['{address: {wildcard: "1*9*9.9"}}', true],
    ['{address: {wildcard: "1*8*9"}}', false],
    ['{address: {wildcard: "10.9.9.9*9"}}', false],
    ['{address: {wildcard: "1*.9.9*.9.9"}}', false],
    ['{address: {wildcard: "*"}}', true],
    ['{address: {wildcard: 0.0.0.0}}', true],
    ['{address: {cird: 10.9.0.0/16}}', true],
    ['{address: {cidr: 10.8.0.0/16}}', false],
    ['{providerAddress: {exact: "10.0.0.1:20880"}}', true],
    ['{providerAddress: {exact: 10.0.0.1}}', true],
    ['{providerAddress: {cidr: 10.0.0.0/24}}', true],
    ['{providerAddress: {wildcard: "10.0.0.2:*"}}', false],
    ['{service: {oneof: [{exact: x}, {exact: "com.acme.Users:1.0"}]}}', true],
    ['{service: {oneof: [{prefix: com.acme}]}}', true],
    ['{service: {oneof: [{prefix: com.acne}]}}', false],
    ['{service: {oneof: []}}', false],
    ['{app: {oneof: [{wildcard: "*"}]}}', true],
    ['{app: {oneof: [{exact: shop}]}}', true],
    ['{app: {oneof: [{exact: users}]}}', false],
    ['{param: [{key: zone, value: {exact: eu}}]}', true],
    ['{param: [{key: zone, value: {exact: eu}}, {key: nope, value: {noempty: x}}]}', false],
    ['{param: [{key: zone, value: {empty: x}}]}', false],
    ['{param: [{key: zone, value: {noempty: x}}]}', true],
    ['{address: {exact: 10.9.9.9}, app: {oneof: [{exact: crm}]}}', false],
    ['{}', true],
  ])('%s: %s', (match, applies) => {
    expect(changes(documentRules(matching(match)), provider('10.0.0.1:20880', '&zone=eu'))).toEqual(
      applies ? { a: '1' } : {},
    );
  });

  it('of a provider may name its port, as the documentation of Dubbo does', () => {
    const rules = documentRules(matching('{address: {wildcard: "10.0.0.1:20880"}}', 'provider'));
    expect(changes(rules)).toEqual({ a: '1' });
    expect(changes(rules, provider('10.0.0.1:20881'))).toEqual({});
  });

  it.each([
    '{app: {oneof: [{regex: "(a+)+$"}]}}',
    '{app: {oneof: [{exact: a, prefix: b}]}}',
    '{app: {oneof: [{}]}}',
    '{app: [shop]}',
    '{address: {cidr: 10.0.0.0/33}}',
    '{address: {cidr: nowhere/8}}',
    '{address: 10.0.0.1}',
    '{param: {key: zone}}',
    '{param: [{value: {exact: x}}]}',
    '[]',
    '7',
  ])('that is %s is refused', (match) => {
    expect(problemsOf(matching(match))[0]).toMatch(/^refused: configs\[0\]: /);
  });

  it('takes linear time, whatever the pattern', () => {
    const rules = documentRules(matching(`{app: {oneof: [{wildcard: "${'*a'.repeat(2_000)}"}]}}`));
    const started = cpuMs();
    changes(rules, provider(), { ...CONSUMER, application: 'a'.repeat(50_000) + 'b' });
    expect(cpuMs() - started).toBeLessThan(2_000);
  });
});
