import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusedError, type ZkClient } from '../../../lib/backends/zookeeper/client.js';
import { Horizon } from '../../../lib/backends/zookeeper/horizon.js';
import { RegistryError } from '../../../lib/errors.js';

describe('Horizon', () => {
  const seenZxid = Buffer.from('0000000000000007', 'hex');
  const client = { seenZxid } as ZkClient;
  const refused = new RefusedError('CONNECTION_LOST', 'refused');
  const down = new RegistryError('CONNECTION_LOST', 'ECONNREFUSED');
  let horizon: Horizon;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    horizon = new Horizon(1_000);
    horizon.follow(client);
  });
  afterEach(() => vi.useRealTimers());

  const fail = (error: Error, times: number, everyMs = 100): void => {
    for (let time = 0; time < times; time += 1) {
      horizon.failed(error);
      vi.advanceTimersByTime(everyMs);
    }
  };

  it('is what the last connection has seen', () => {
    expect(horizon.zxid).toBe(seenZxid);
  });

  it('is kept through any outage', () => {
    fail(down, 1_000);
    expect(horizon.zxid).toBe(seenZxid);
  });

  it('is kept while a server that is behind refuses us for less than a session timeout', () => {
    fail(refused, 9);
    expect(horizon.zxid).toBe(seenZxid);
  });

  it('is let go when a wiped registry has refused us for a session timeout, also beside a host that is down', () => {
    for (let time = 0; time < 6; time += 1) {
      fail(refused, 1);
      fail(down, 1);
    }
    expect(horizon.zxid).toBeUndefined();
  });

  it('begins to wait anew after a connection', () => {
    fail(refused, 9);
    horizon.follow(client);
    fail(refused, 9);
    expect(horizon.zxid).toBe(seenZxid);
  });
});
