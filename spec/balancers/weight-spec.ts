import { describe, expect, it } from 'vitest';
import { weightOf } from '../../lib/balancers/shared/weight.js';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { instance } from './stage.js';

describe('the weight of an instance', () => {
  it.each([
    [undefined, 100],
    ['1', 1],
    ['200', 200],
    ['+5', 5],
    ['007', 7],
    ['2147483647', 2_147_483_647],
  ])('%s is %d', (text, weight) => {
    expect(weightOf(instance('a', text))).toBe(weight);
  });

  it('is what a provider of Dubbo 2.6 says of all its services, where it says nothing of this one', () => {
    expect(weightOf(ServiceUrl.parse('dubbo://h:1/i?default.weight=7'))).toBe(7);
    expect(weightOf(ServiceUrl.parse('dubbo://h:1/i?default.weight=7&weight=5'))).toBe(5);
  });

  it.each([
    ['0', 0],
    ['-0', 0],
    ['-3', 0],
    ['-2147483647', 0],
  ])('%s, which is nothing or less, is %d', (text, weight) => {
    expect(Object.is(weightOf(instance('a', text)), weight)).toBe(true);
  });

  it.each(['', 'many', '1.5', '1e3', '0x10', '5 5', '2147483648', '-2147483649', '9'.repeat(400), 'NaN', 'Infinity'])(
    '%s, which is no whole number, is the default',
    (text) => {
      expect(weightOf(instance('a', text))).toBe(100);
    },
  );
});
