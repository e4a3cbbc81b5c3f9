import { describe, expect, it } from 'vitest';
import { Stage } from '../../support/scenario/stage.js';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { eventually } from '../../support/servers/eventually.js';

const systemProperties = { 'zookeeper.enforce.auth.enabled': 'true', 'zookeeper.enforce.auth.schemes': 'digest' };

describe('a server that answers nobody who has not authenticated', () => {
  it('is asked as often as the backoff allows, is never connected to, and says why', async () => {
    await using server = await startZooKeeperRegistry({ systemProperties });
    const stage = new Stage(server);
    const stranger = await stage.enter({ sessionMs: 6_000 });
    const registration = stranger.register('dubbo://a:1/enforced.Stranger');
    const since = performance.now();
    await eventually(() => performance.now() - since > 4_000);
    // Waits are drawn from 0 up to 100, 200, 400, 800 and then 1500 ms. The first four take 750 ms on average, so about
    // four more fit into 4 s; that 14 more do, which take 10.5 s on average, is no chance (4.5 standard deviations).
    expect(stranger.proxy.accepted).toBeLessThanOrEqual(18);
    expect(stranger.proxy.accepted).toBeGreaterThanOrEqual(3);
    expect(new Set(stranger.states.statuses)).toEqual(new Set(['connecting']));
    const reason = expect.stringMatching(/demands authentication/) as string;
    expect(stranger.states.last).toMatchObject({ cause: { message: reason } });
    expect(registration.states.at(-1)).toMatchObject({ status: 'pending', cause: { message: reason } });
    expect(stranger.warnings).toMatchObject([{ code: 'NOT_SERVED', message: reason, count: 1 }]);
    await expect(stranger.registry.lookup({ interface: 'enforced.A' }, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: reason,
    });
    await stage.clear();
  });

  it('serves a user', async () => {
    await using server = await startZooKeeperRegistry({ systemProperties });
    const stage = new Stage(server);
    const user = await stage.connect({ user: 'app:pw@' });
    await user.register('dubbo://a:1/enforced.User').registered();
    expect([user.states.statuses, user.warnings]).toEqual([['connecting', 'connected'], []]);
    await stage.clear();
  });
});
