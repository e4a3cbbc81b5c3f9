import { describe, expect, it } from 'vitest';
import { etcd } from '../../../lib/backends/etcd/index.js';

describe('the options of etcd', () => {
  it.each([
    [{ sessionTimeoutMs: 0 }, 'sessionTimeoutMs'],
    [{ sessionTimeoutMs: 1.5 }, 'sessionTimeoutMs'],
    [{ maxMessageBytes: -1 }, 'maxMessageBytes'],
    [{ maxMessageBytes: 65_535 }, 'maxMessageBytes'],
    [{ maxMessageBytes: 2 ** 31 }, 'maxMessageBytes'],
    [{ maxMessageBytes: '1e6' as never }, 'maxMessageBytes'],
    [{ tuning: { callWindow: -1 } }, 'tuning.callWindow'],
    [{ tuning: { pageSize: Infinity } }, 'tuning.pageSize'],
    [{ tuning: { keysPerLease: '7' as never } }, 'tuning.keysPerLease'],
  ])('refuse %j', (options, option) => {
    expect(() => etcd('127.0.0.1:1', options)).toThrow(expect.objectContaining({ option }) as Error);
  });

  it('refuse a word for tls in the address that is no yes and no no', () => {
    expect(() => etcd('127.0.0.1:1?tls=maybe')).toThrow('tls');
  });
});
