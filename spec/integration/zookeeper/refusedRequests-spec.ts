import { afterEach, describe, expect, it } from 'vitest';
import { createConfigCenter } from '../../../lib/index.js';
import { Stage } from '../../support/scenario/stage.js';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { eventually } from '../../support/servers/eventually.js';

/** Takes requests of 4,000 bytes, and closes the connection at whatever is larger. */
const systemProperties = { 'jute.maxbuffer': 4_000 };
/** For so long it is held back at first, too. */
const SESSION_MS = 10_000;
const large = (port: number): string => `dubbo://10.0.0.1:${port}/a.Large?text=${'x'.repeat(5_000)}`;

describe('a request at which the server closes the connection', () => {
  let stage: Stage | undefined;
  afterEach(() => stage?.clear());

  it('is found out and held back, and what is asked beside it goes on', async () => {
    await using server = await startZooKeeperRegistry({ systemProperties });
    stage = new Stage(server);
    const client = await stage.connect({ sessionMs: SESSION_MS });
    const before = client.register('dubbo://10.0.0.1:1/a.Before');
    await before.registered();
    const { accepted } = client.proxy;

    const tooLarge = client.register(large(2));
    const beside = Array.from({ length: 20 }, (_, index) =>
      client.register(`dubbo://10.0.0.1:${100 + index}/a.Beside`),
    );
    const cause = { code: 'SERVER_ERROR', message: expect.stringContaining('jute.maxbuffer') as string };
    await eventually(() => expect(tooLarge.states.at(-1)).toMatchObject({ status: 'pending', cause }));
    await Promise.all(beside.map((each) => each.registered()));
    // Once with the others, twice alone; all were sent in one batch, and its parts have to be told from each other.
    const drops = client.proxy.accepted - accepted;
    expect(drops).toBeGreaterThan(1);
    expect(drops).toBeLessThanOrEqual(8);

    // From here on it costs nobody anything, for as long as it is held back.
    const [states, told] = [client.states.statuses.length, before.states.length];
    const since = performance.now();
    await eventually(() => performance.now() - since > SESSION_MS / 4);
    expect(client.proxy.accepted - accepted).toBe(drops);
    expect(client.states.statuses.slice(states)).toEqual([]);
    expect(before.states.slice(told)).toEqual([]);
    expect(client.states.statuses).not.toContain('lost');

    // What comes later is served, and so is what it could be instead.
    await client.register('dubbo://10.0.0.1:3/a.Later').registered();
    tooLarge.unsubscribe();
    await client.register('dubbo://10.0.0.1:2/a.Large?text=x').registered();
    const config = createConfigCenter(client.registry);
    await config.publish('small', 'x');
    await expect(config.publish('large', 'x'.repeat(5_000), { timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: cause.message,
    });
    expect(before.states.at(-1)).toMatchObject({ status: 'registered' });
  });
});
