import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusedError, type ZkClient } from '../../../lib/backends/zookeeper/client.js';
import { Horizon } from '../../../lib/backends/zookeeper/horizon.js';
import { RegistryError } from '../../../lib/errors.js';

const PATIENCE_MS = 1_000;

describe('Horizon', () => {
  const seenZxid = Buffer.from('0000000000000007', 'hex');
  const client = { seenZxid } as ZkClient;
  const refused = new RefusedError('refused');
  const down = new RegistryError('CONNECTION_LOST', 'ECONNREFUSED');
  let horizon: Horizon;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    horizon = new Horizon(PATIENCE_MS);
    horizon.follow(client);
  });
  afterEach(() => vi.useRealTimers());

  /** Attempts at one address after another, 100 ms apart; whether each may be repeated without what was seen. */
  function attempts(errors: Record<string, Error>, order: string, isOver = true): boolean[] {
    const all = Object.keys(errors);
    return [...order].map((address) => {
      const mayForget = horizon.failed({ error: errors[address]!, tried: [address], all, isOver });
      vi.advanceTimersByTime(100);
      return mayForget;
    });
  }

  it('is what the last connection has seen', () => {
    expect(horizon.zxid).toBe(seenZxid);
  });

  it('is kept through any outage', () => {
    expect(attempts({ a: down, b: down }, 'ab'.repeat(500))).not.toContain(true);
  });

  it('is kept as long as the session may be alive, whoever refuses us', () => {
    expect(attempts({ a: refused }, 'a'.repeat(100), false)).not.toContain(true);
  });

  it('may be let go at the first refusal of the only server, once the session is over', () => {
    attempts({ a: refused }, 'aa', false);
    expect(attempts({ a: refused }, 'a')).toEqual([true]);
  });

  it('may be let go when every address has refused us, and not before', () => {
    expect(attempts({ a: refused, b: refused, c: refused }, 'abc')).toEqual([false, false, true]);
  });

  it('is kept for one server that lags, as long as another one is down, for less than a session timeout', () => {
    expect(attempts({ a: refused, b: down }, 'ab'.repeat(5))).not.toContain(true);
  });

  it('may be let go when a server refuses us for a session timeout, also beside one that is gone for good', () => {
    expect(attempts({ a: refused, b: down }, 'ab'.repeat(5))).not.toContain(true);
    expect(attempts({ a: refused, b: down }, 'a')).toEqual([true]);
  });

  it('counts the patience from the end of the session', () => {
    attempts({ a: refused, b: down }, 'ab'.repeat(20), false);
    expect(attempts({ a: refused, b: down }, 'ab'.repeat(5))).not.toContain(true);
  });

  it('takes back that a server refused us when it cannot be reached any more', () => {
    expect(attempts({ a: refused, b: refused }, 'a')).toEqual([false]);
    expect(attempts({ a: down, b: refused }, 'ab')).toEqual([false, false]);
  });

  it('is kept until a server has answered: one that does not serve refuses us in the same way', () => {
    expect(attempts({ a: refused }, 'a')).toEqual([true]);
    expect(horizon.zxid).toBe(seenZxid);
    horizon.forget();
    expect(horizon.zxid).toBeUndefined();
  });

  it('doubles the attempts of one round only: the next needs all refusals again', () => {
    expect(attempts({ a: refused, b: refused }, 'abab')).toEqual([false, true, false, true]);
  });

  it('begins anew after a connection', () => {
    attempts({ a: refused, b: refused }, 'a');
    horizon.follow(client);
    expect(attempts({ a: refused, b: refused }, 'ba')).toEqual([false, true]);
  });
});
