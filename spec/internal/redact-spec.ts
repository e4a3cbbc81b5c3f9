import { describe, expect, it } from 'vitest';
import { redact } from '../../lib/internal/redact.js';
import { cpuMs } from '../support/cpuMs.js';

describe('redact', () => {
  it.each([
    ['zookeeper://app:secret@h:2181', 'zookeeper://***@h:2181'],
    ['zookeeper://app:se@cr/e?t@h:2181/x', 'zookeeper://***@h:2181/x'],
    ['zookeeper://app:secret@h:1?owner=me@corp', 'zookeeper://***@corp'],
    ['zookeeper://app@h:2181', 'zookeeper://***@h:2181'],
    ['app:secret@h:2181', '***@h:2181'],
    ['zookeeper:/app:secret@h', '***@h'],
    ['dubbo://h:20880/x?owner=me@corp', 'dubbo://h:20880/x?owner=me@corp'],
    ['etcd://a:1,[::1]:2,c?owner=me@corp', 'etcd://a:1,[::1]:2,c?owner=me@corp'],
    ['zookeeper://h:1?a=b&password=secret&c=d', 'zookeeper://h:1?a=b&password=***&c=d'],
    [
      'dubbo://h:1/x?token=a&dbPassword=b&Access-Secret=c&key=d&keys=e',
      'dubbo://h:1/x?token=***&dbPassword=***&Access-Secret=***&key=***&keys=e',
    ],
    [
      '/dubbo/x/dubbo%3A%2F%2Fh%2Fx%3Fa%3Db%26auth_token%3Dc%26d%3De',
      '/dubbo/x/dubbo%3A%2F%2Fh%2Fx%3Fa%3Db%26auth_token%3D***%26d%3De',
    ],
    ['zookeeper://app:1secret?a=b@h', 'zookeeper://***@h'],
    ['zookeeper://h:2181', 'zookeeper://h:2181'],
    ['/dubbo/x/providers/dubbo%3A%2F%2Fapp%3Asecret%40h%3A1%2Fx', '/dubbo/x/providers/dubbo%3A%2F%2F***%40h%3A1%2Fx'],
    [
      '/dubbo/x/providers/dubbo%3A%2F%2Fh%3A1%2Fx%3Fowner%3Dme%40corp',
      '/dubbo/x/providers/dubbo%3A%2F%2Fh%3A1%2Fx%3Fowner%3Dme%40corp',
    ],
    ['', ''],
  ])('shows %s as %s', (text, shown) => {
    expect(redact(text)).toBe(shown);
  });

  it('takes linear time', () => {
    const started = cpuMs();
    for (const unit of [
      '@',
      ':',
      ':1,',
      '[a]',
      '[',
      '/',
      '?',
      '://',
      '&password=',
      '&',
      'password',
      '%26',
      '%3A%2F%2F',
      '%3A%2F%2F%',
      'a',
    ]) {
      redact(`x://${unit.repeat(1_000_000 / unit.length)}`);
      redact(`x://${unit.repeat(1_000_000 / unit.length)}@`);
    }
    expect(cpuMs() - started).toBeLessThan(5_000);
  });
});
