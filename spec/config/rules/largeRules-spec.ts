import { describe, expect, it } from 'vitest';
import { RulesByHost } from '../../../lib/config/rules/rulesByHost.js';
import { inOrder } from '../../../lib/config/rules/rule.js';
import { changes, documentRules, provider, urlRules } from '../support/rules.js';

/** A document of the service with these configs. */
const document = (...configs: string[]): string =>
  `{scope: service, key: 'com.acme.Users:1.0', configs: [${configs.join(', ')}]}`;
const SET = 'parameters: {weight: 5}';

describe('rules that are many', () => {
  it('cost an instance only as many as are for its host, the consumer’s or any, in the order in which they apply', () => {
    const hosts = Array.from({ length: 5_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    const rules = documentRules(document(`{side: provider, addresses: [${hosts.join(',')}], ${SET}}`));
    const index = new RulesByHost(rules);
    expect(rules).toHaveLength(5_000);
    expect(index.for('10.1.0.7', '10.9.9.9')).toHaveLength(1);
    expect(index.for('10.0.0.1', '10.9.9.9')).toHaveLength(0);

    const mixed = ['0.0.0.0', '10.9.9.9', '10.0.0.1:20880', '10.0.0.2:20880', '0.0.0.0'].map(
      (host, i) => `override://${host}/com.acme.Users?version=1.0&weight=${i}&priority=${5 - i}`,
    );
    const all = urlRules(...mixed);
    const found = new RulesByHost(all).for('10.0.0.1', '10.9.9.9');
    expect(found).toEqual(inOrder(all).filter(({ host }) => host !== '10.0.0.2'));
    expect(changes(found)).toEqual(changes(all));
  });

  it('for one host again and again are one', () => {
    const addresses = Array.from({ length: 5_000 }, (_, i) => `10.0.0.1:${i + 1}`);
    const rules = documentRules(document(`{side: provider, addresses: [${addresses.join(',')}], ${SET}}`));
    expect(rules).toHaveLength(1);
    expect(changes(rules, provider('10.0.0.1:5000'))).toEqual({ weight: '5' });
    expect(changes(rules, provider('10.0.0.1:5001'))).toEqual({});
  });

  it('that name many services, applications or values ask once', () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `{exact: 'n${i}'}`);
    const config = `{side: consumer, match: {app: {oneof: [${names.join(',')}, {exact: shop}]}}, ${SET}}`;
    expect(changes(documentRules(document(config)))).toEqual({ weight: '5' });
    const other = `{side: consumer, match: {app: {oneof: [${names.join(',')}]}}, ${SET}}`;
    expect(changes(documentRules(document(other)))).toEqual({});
  });

  it.each([
    ['configs', 1_000, (count: number) => document(...Array<string>(count).fill(`{side: consumer, ${SET}}`))],
    [
      'patterns',
      256,
      (count: number) =>
        document(
          `{side: consumer, match: {app: {oneof: [${Array<string>(count).fill('{prefix: x}').join(',')}]}}, ${SET}}`,
        ),
    ],
    [
      'patterns',
      256,
      (count: number) =>
        document(
          `{side: consumer, match: {param: [${Array<string>(count).fill('{key: a, value: {exact: b}}').join(',')}]}, ${SET}}`,
        ),
    ],
  ])('of more %s than %d are refused', (what, most, make) => {
    expect(() => documentRules(make(most))).not.toThrow();
    expect(() => documentRules(make(most + 1))).toThrow(`at most ${most} ${what}, got ${most + 1}`);
  });

  it('with 100,000 conditions are refused before they are read', () => {
    const names = Array<string>(100_000).fill('{exact: a}').join(',');
    expect(() => documentRules(document(`{side: consumer, match: {app: {oneof: [${names}]}}, ${SET}}`))).toThrow(
      'too much to read as YAML',
    );
  });
});
