import { describe, expect, it } from 'vitest';
import { InvalidUrlError } from '../../lib/errors.js';
import { described, queryOf } from '../../lib/grpc/target.js';

const target = (path: string, authority: string | undefined = '') => ({
  scheme: 'registry',
  path,
  ...(authority !== undefined && { authority }),
});

describe('the target of a channel', () => {
  it.each([
    ['com.acme.Greeter', { interface: 'com.acme.Greeter' }],
    ['com.acme.Greeter?version=1.0.0', { interface: 'com.acme.Greeter', version: '1.0.0' }],
    [
      'com.acme.Greeter?version=*&group=a,b&classifier=x',
      { interface: 'com.acme.Greeter', version: '*', group: 'a,b', classifier: 'x' },
    ],
  ])('%s is a query', (path, query) => expect(queryOf(target(path))).toEqual(query));

  it('may do without slashes', () => {
    expect(queryOf({ scheme: 'registry', path: 'com.acme.Greeter' })).toEqual({ interface: 'com.acme.Greeter' });
  });

  it.each([
    ['?version=1', ''],
    ['*', ''],
    ['com.acme.Greeter?weight=1', ''],
    ['com.acme.Greeter?interface=x', ''],
    ['com.acme.Greeter?version', ''],
    ['com.acme.Greeter', 'zk1:2181'],
    ['a\u0000b', ''],
  ])('%j at %j cannot be read', (path, authority) => {
    expect(() => queryOf(target(path, authority))).toThrow(InvalidUrlError);
  });

  it('is shown in messages as it was written, without passwords and control characters', () => {
    expect(() => queryOf(target('x', 'user:s3cret@zk1'))).toThrow(/registry:\/\/\*\*\*@zk1\/x/);
    expect(described({ interface: 'a.B' })).toBe('"a.B"');
    expect(described({ interface: 'a.B\u001b', group: 'g', version: '1' })).toBe('"a.B\\u001b?group=g&version=1"');
  });
});
