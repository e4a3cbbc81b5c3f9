import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memoryServer } from '../../lib/backends/memory/index.js';
import type { ConfigCenterOptions } from '../../lib/config/configCenter.js';
import type { ConfigSource } from '../../lib/config/index.js';
import { createConfigCenter } from '../../lib/createConfigCenter.js';
import { createRegistry } from '../../lib/createRegistry.js';
import { InvalidOptionError, InvalidUrlError } from '../../lib/errors.js';
import { bytes, Recorder } from '../contract/probe.js';
import { provider, SESSION_MS, StatesTrace, World } from '../support/virtual/index.js';

const A = provider('a');

let servers = 0;
/** A server in memory that nobody else knows of, and its address. */
function aServer() {
  const name = `config-${(servers += 1)}`;
  return { server: memoryServer(name), address: `memory://${name}` };
}

describe('createConfigCenter', () => {
  it.each(['', 'nonsense', 'zookeeper://', 'consul://h:8500'])('refuses the address %j', (address) => {
    expect(() => createConfigCenter(address)).toThrow(InvalidUrlError);
  });

  it.each([undefined, null, 5, {}, { close: () => undefined }])(
    'refuses %j, which is none of its targets',
    (target) => {
      expect(() => createConfigCenter(target as never)).toThrow(InvalidOptionError);
    },
  );

  it.each<[string, ConfigCenterOptions]>([
    ['timeoutMs', { timeoutMs: -1 }],
    ['namespace', { namespace: '' }],
    ['namespace', { namespace: 'a//b' }],
    ['namespace', { namespace: '../a' }],
    ['namespace', { namespace: 5 as never }],
    ['base64', { base64: 'yes' as never }],
    ['dottedKeys', { dottedKeys: 1 as never }],
    ['baseMs', { retry: { baseMs: 0 } }],
  ])('refuses %s of %j', (option, options) => {
    expect(() => createConfigCenter('memory://', options)).toThrow(`\`${option}\``);
  });

  it.each(['memory://?base64=yes', 'memory://?timeout=x'])('refuses the parameter of %s', (address) => {
    expect(() => createConfigCenter(address)).toThrow(InvalidOptionError);
  });

  it('takes namespace, base64 and timeout from the address, and options before them', async () => {
    const { server, address } = aServer();
    await using config = createConfigCenter(`${address}?namespace=shop&base64=true`);
    await config.publish('key', 'x');
    expect(Buffer.from(server.read('/shop/config/dubbo/key')!.data).toString()).toBe('eA==');
    await using other = createConfigCenter(`${address}?namespace=shop&base64=true`, {
      namespace: 'mall',
      base64: false,
    });
    await other.publish('key', 'x');
    expect(Buffer.from(server.read('/mall/config/dubbo/key')!.data).toString()).toBe('x');
    server.cut();
    await using hasty = createConfigCenter(`${address}?timeout=50`);
    await expect(hasty.get('key')).rejects.toThrow('50 ms');
    server.heal();
  });

  it('connects nothing before it is used, nor for what it refuses', async () => {
    const { server, address } = aServer();
    const config = createConfigCenter(address);
    config.watch('key');
    config.keys();
    for (const bad of ['a/b', '..', '\0', '']) {
      await expect(config.publish(bad, 'x')).rejects.toBeInstanceOf(InvalidOptionError);
      await expect(firstValueFrom(config.watch(bad))).rejects.toBeInstanceOf(InvalidOptionError);
    }
    expect(server.sessions).toEqual([]);
    await config.close();
    await expect(config.get('key')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(server.sessions).toEqual([]);
  });

  it('is a source that others can be built on', async () => {
    await using config = createConfigCenter('memory://');
    const source: ConfigSource = config;
    expect(await firstValueFrom(source.watch('key', { group: 'g' }))).toMatchObject({ present: false });
  });
});

describe('one session for each server address', () => {
  it('is shared by a registry and any number of configuration centres, whatever else their addresses say', async () => {
    const { server, address } = aServer();
    await using registry = createRegistry(`${address}?group=shop&timeout=5000`);
    await using one = createConfigCenter(`${address}?namespace=shop`);
    await using two = createConfigCenter(`${address}?base64=true`);
    await using three = createConfigCenter(registry);
    await one.publish('key', 'x');
    await using provision = await registry.provide(A);
    await two.get('key');
    await three.get('key');
    expect([server.sessions.length, server.connections]).toEqual([1, 1]);
    expect(provision.url.host).toBe('a');
  });

  it('is of its own for another session timeout, another user and another server', async () => {
    const { server, address } = aServer();
    const { server: other, address: otherAddress } = aServer();
    const addresses = [address, `${address}?session=5000`, otherAddress, 'memory://', 'memory://'];
    const centres = addresses.map((each) => createConfigCenter(each));
    await Promise.all(
      centres.map((config) => config.publish('key', 'x', { ifVersion: 'absent' }).catch(() => undefined)),
    );
    expect([server.sessions.length, other.sessions.length]).toEqual([2, 1]);
    await Promise.all(centres.map((config) => config.close()));
    expect([server.sessions, other.sessions]).toEqual([[], []]);
  });

  it('is never shared by two registries: their nodes are told apart by it', async () => {
    const { server, address } = aServer();
    await using one = createRegistry(address);
    await using other = createRegistry(address);
    await using config = createConfigCenter(address);
    await using late = createConfigCenter(other);
    const provision = await one.provide(A);
    await using twin = await other.provide(provision.url);
    await Promise.all([config.get('key'), late.get('key')]);
    expect(server.sessions).toHaveLength(2);
    await provision.release();
    const [node] = server.list('/dubbo/com.acme.Users/providers');
    expect(node).toBeDefined();
    expect(twin.url.host).toBe('a');
  });

  it('ends when the last of them closes, whoever that is', async () => {
    const { server, address } = aServer();
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const registry = createRegistry(address);
      const all = [registry, createConfigCenter(address), createConfigCenter(registry)] as const;
      await all[1].get('key');
      await all[2].get('key');
      await registry.lookup({ interface: 'x.Y' });
      const [session] = server.sessions;
      for (const [index, each] of order.entries()) {
        expect(server.sessions).toEqual([session]);
        await all[each]!.close();
        expect((await firstValueFrom(all[each]!.states)).status).toBe('closed');
        expect(server.sessions).toHaveLength(index === 2 ? 0 : 1);
      }
      expect([server.connections, server.watches]).toEqual([0, 0]);
    }
  });

  it('goes on for those who stay, and a registry that leaves takes its nodes with it', async () => {
    const { server, address } = aServer();
    const registry = createRegistry(address);
    await using config = createConfigCenter(address);
    using seen = new Recorder(config.watch('key'));
    await registry.provide(A);
    await registry.close();
    expect(server.list('/dubbo/com.acme.Users/providers')).toEqual([]);
    await config.publish('key', 'x');
    expect(seen.values.map(({ content }) => content)).toEqual([undefined, 'x']);
    expect(server.sessions).toHaveLength(1);

    // There is room for another registry now.
    await using next = createRegistry(address);
    await using provision = await next.provide(A);
    expect(server.sessions).toHaveLength(1);
    expect(provision.url.host).toBe('a');
  });

  it('is not ended by who never used it', async () => {
    const { server, address } = aServer();
    await using registry = createRegistry(address);
    await createConfigCenter(registry).close();
    await createConfigCenter(address).close();
    await using provision = await registry.provide(A);
    await createConfigCenter(registry).close();
    expect(server.sessions).toHaveLength(1);
    expect(server.list('/dubbo/com.acme.Users/providers')).toHaveLength(1);
    expect(provision.url.host).toBe('a');
  });

  it('is that of a registry also if its configuration centre is used first, and others come in between', async () => {
    const { server, address } = aServer();
    const registry = createRegistry(address);
    await using config = createConfigCenter(registry);
    await config.get('key');
    const other = createRegistry(address);
    await other.provide(A);
    await using provision = await registry.provide(provider('b'));
    expect(server.sessions).toHaveLength(2);
    await other.close();
    expect(server.sessions).toHaveLength(1);
    await registry.close();
    expect(server.sessions).toHaveLength(1);
    expect(await config.get('key')).toMatchObject({ present: false });
    expect(provision.url.host).toBe('b');
  });

  it('is over for a configuration centre that comes after its registry has closed it', async () => {
    const { server, address } = aServer();
    const registry = createRegistry(address);
    const config = createConfigCenter(registry);
    await registry.lookup({ interface: 'x.Y' });
    await registry.close();
    await expect(config.get('key', { timeoutMs: 100 })).rejects.toThrow('closed');
    expect((await firstValueFrom(config.states)).status).toBe('closed');
    await using anew = createConfigCenter(address);
    expect(await anew.get('key')).toMatchObject({ present: false });
    expect(server.sessions).toHaveLength(1);
  });
});

describe('a registry that leaves a session to others without having been able to take its nodes back', () => {
  it.each<[string, number, (world: World) => void, (world: World) => void]>([
    ['the server stands still', 0, ({ server }) => server.freeze(), ({ server }) => server.thaw()],
    ['it is cut off', 0, ({ server }) => server.cut(), ({ server }) => server.heal()],
    ['everything is swallowed', 0, ({ server }) => server.blackHole(), ({ server }) => server.heal()],
    [
      'the server has been away for long',
      2 * SESSION_MS,
      ({ server }) => server.stop(),
      ({ server }) => server.start(),
    ],
  ])('has them go with the session, and the others get another one: %s', async (_, sinceMs, fail, mend) => {
    const world = new World();
    const { backend, registry } = world.registry();
    const config = createConfigCenter(backend, { retry: { baseMs: 50, maxMs: 500 } });
    const states = new StatesTrace(config.states, world.time.scheduler);
    const seen = new Recorder(config.watch('key'));
    world.server.create('/dubbo/config/dubbo/key', bytes('x'));
    registry.register(A).subscribe();
    world.time.pass(10);
    expect(world.providers()).toHaveLength(1);
    const [session] = world.server.sessions;

    fail(world);
    await world.time.passAsync(sinceMs);
    await world.time.settle(registry.close({ deadlineMs: 100 }));
    expect(seen.values.map(({ content }) => content)).toEqual(['x']);
    await world.time.passAsync(SESSION_MS + 1_000);
    mend(world);
    await world.time.passAsync(2 * SESSION_MS);
    expect(world.providers()).toEqual([]);
    expect(world.server.sessions).not.toContain(session);
    expect(world.server.sessions).toHaveLength(1);
    expect(states.flaws).toEqual([]);
    expect(states.status).toBe('connected');
    expect(states.statuses.filter((status) => status === 'lost').length).toBeGreaterThanOrEqual(1);
    world.server.write('/dubbo/config/dubbo/key', bytes('y'));
    world.time.pass(10);
    expect(seen.values.map(({ content }) => content)).toEqual(['x', 'y']);
    await world.time.settle(config.close());
    world.time.pass(10);
    expect([world.server.sessions, world.server.connections, world.time.timers]).toEqual([[], 0, 0]);
  });
});
