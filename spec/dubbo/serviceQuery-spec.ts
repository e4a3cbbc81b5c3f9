import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/serviceUrl.js';
import { type ServiceQuery, toQuery } from '../../lib/dubbo/serviceQuery.js';
import { InvalidOptionError, InvalidUrlError } from '../../lib/errors.js';

describe('toQuery', () => {
  it('reads each form', () => {
    const url = 'consumer://0.0.0.0/com.foo.Bar?group=g&interface=com.foo.Bar';
    expect(toQuery({ interface: 'com.foo.Bar', group: 'g', version: undefined }).toString()).toBe(url);
    expect(toQuery(url).toString()).toBe(url);
    expect(toQuery(ServiceUrl.parse(url)).toString()).toBe(url);
    expect(toQuery('consumer:///com.foo.Bar').host).toBe('0.0.0.0');
    expect(toQuery('consumer://10.0.0.1/com.foo.Bar').host).toBe('10.0.0.1');
  });

  it('takes every field into the query', () => {
    const fields = { interface: '*', group: '*', version: '1,2', classifier: 'c', category: '*', enabled: '*' };
    expect(Object.fromEntries(toQuery(fields).parameters)).toEqual(fields);
  });

  it.each([
    [{ interface: '' }, 'interface'],
    [{ interface: ' ' }, 'interface'],
    [{}, 'interface'],
    [{ interface: 7 }, 'interface'],
    [{ interface: 'i', version: 1 }, 'version'],
    [{ interface: 'i', group: null }, 'group'],
    [{ interface: 'i', groups: 'g' }, 'groups'],
    [JSON.parse('{"interface":"i","__proto__":"g"}'), '__proto__'],
    [null, 'query'],
    [undefined, 'query'],
  ])('refuses %j', (input, option) => {
    const call = () => toQuery(input as ServiceQuery);
    expect(call).toThrow(InvalidOptionError);
    expect(call).toThrow(expect.objectContaining({ option }));
  });

  it.each(['com.foo.Bar', 'consumer://h', 'consumer://h/?interface='])('refuses the URL %s', (input) => {
    expect(() => toQuery(input)).toThrow(InvalidUrlError);
  });
});
