import { firstValueFrom, NEVER, type Observable, of, Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { memory, memoryServer } from '../../lib/backends/memory/index.js';
import { createConfigCenter } from '../../lib/createConfigCenter.js';
import { createRegistry } from '../../lib/createRegistry.js';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError, InvalidUrlError, RegistryError } from '../../lib/errors.js';
import type { Provision, RegistryOptions } from '../../lib/registry.js';
import { ConsumerRecord } from '../support/scenario/consumerRecord.js';
import { RegistrationRecord } from '../support/scenario/registrationRecord.js';
import {
  BACKOFF_MS,
  type Inhabitant,
  pathOf,
  provider,
  REST_MS,
  SERVICE,
  SESSION_MS,
  StatesTrace,
  turn,
  World,
} from '../support/virtual/index.js';

const A = provider('a');
const QUERY = { interface: SERVICE };

describe('createRegistry', () => {
  it.each([
    '',
    'nonsense',
    'zookeeper://',
    'zookeeper://h:99999',
    'consul://h:8500',
    'memory://a:1',
    'zookeeper://a;zookeeper://b',
  ])('refuses the address %j', (address) => {
    expect(() => createRegistry(address)).toThrow(InvalidUrlError);
  });

  it.each([undefined, null, 5, {}])('refuses %j, which is neither an address nor a backend', (target) => {
    expect(() => createRegistry(target as never)).toThrow(InvalidOptionError);
  });

  it.each<[string, RegistryOptions]>([
    ['timeoutMs', { timeoutMs: -1 }],
    ['timeoutMs', { timeoutMs: NaN }],
    ['timeoutMs', { timeoutMs: 2 ** 31 }],
    ['timeoutMs', { timeoutMs: '5' as never }],
    ['group', { group: '' }],
    ['group', { group: 'a//b' }],
    ['baseMs', { retry: { baseMs: 0 } }],
    ['maxMs', { retry: { baseMs: 10, maxMs: 5 } }],
  ])('refuses %s of %j', (option, options) => {
    expect(() => createRegistry('memory://', options)).toThrow(InvalidOptionError);
    expect(() => createRegistry('memory://', options)).toThrow(`\`${option}\``);
  });

  it.each(['memory://?session=0', 'memory://?timeout=x', 'zookeeper://h?session=99999999999'])(
    'refuses the parameter of %s',
    (address) => expect(() => createRegistry(address)).toThrow(InvalidOptionError),
  );

  it.each([
    'consul://user:s3cret@h:8500',
    'zookeeper://user:s3cret@',
    'zookeeper://user:s3cret@h:99999',
    'zookeeper://:s3cret@h',
    'user:s3cret@h',
    'consul://user:s3cret@h:8500?session=x',
  ])('never shows the password of %s', (address) => {
    try {
      createRegistry(address);
    } catch (error) {
      expect(String(error)).not.toContain('s3cret');
      expect(JSON.stringify(error)).not.toContain('s3cret');
      return;
    }
    expect.fail('it was taken');
  });

  it('takes its group and its timeout from the address, and options before it', async () => {
    await using registry = createRegistry('memory://spec-group?group=shop', {});
    await using provision = await registry.provide(A);
    expect(memoryServer('spec-group').paths).toContain(pathOf(A).replace('/dubbo/', '/shop/'));
    await using other = createRegistry('memory://spec-group?group=shop', { group: 'mall' });
    expect((await other.lookup(QUERY)).size).toBe(0);
    expect(provision.url.host).toBe('a');
  });

  it('memory:// is a registry of its own, memory://name one for all who say it', async () => {
    await using one = createRegistry('memory://spec-shared');
    await using same = createRegistry('memory://spec-shared');
    await using own = createRegistry('memory://');
    await using provision = await one.provide(A);
    expect((await same.lookup(QUERY)).toArray().map(({ host }) => host)).toEqual([provision.url.host]);
    expect((await own.lookup(QUERY)).size).toBe(0);
  });

  it('refuses a backend that another registry was made with: two could not tell their nodes apart', async () => {
    const backend = new World().backend();
    createRegistry(backend);
    expect(() => createRegistry(backend)).toThrow(RegistryError);
    expect(() => createRegistry(backend)).toThrow(expect.objectContaining({ code: 'BACKEND_IN_USE' }));
    // A configuration centre has no nodes of its own.
    await createConfigCenter(backend).close();
  });

  it('connects nothing before it is used', async () => {
    const world = new World();
    const registry = createRegistry(world.backend());
    registry.register(A);
    registry.subscribe(QUERY);
    registry.instances(QUERY);
    world.time.pass(SESSION_MS);
    expect([world.server.sessions, world.server.connections, world.time.timers]).toEqual([[], 0, 0]);
    await world.time.settle(registry.close());
  });
});

describe('a registry', () => {
  let world: World;
  let mine: Inhabitant;

  beforeEach(() => {
    world = new World();
    mine = world.connected();
  });

  const settle = <T>(promise: Promise<T>, withinMs?: number) => world.time.settle(promise, withinMs);
  const pass = (ms: number) => world.time.passAsync(ms);
  const fails = (promise: Promise<unknown>) =>
    settle(
      promise.then(
        () => expect.fail('it resolved'),
        (error: unknown) => error,
      ),
    );
  const provided = (url: ServiceUrl = A): Promise<Provision> => settle(mine.registry.provide(url));
  const left = () => ({
    sessions: world.server.sessions.length,
    connections: world.server.connections,
    watches: world.server.watches,
    nodes: world.providers().length,
  });
  const NOTHING = { sessions: 0, connections: 0, watches: 0, nodes: 0 };

  describe('provide', () => {
    it('resolves once the service is registered', async () => {
      const provision = await provided();
      expect(world.server.read(pathOf(A))?.owner).toBe(mine.sessionId);
      expect(provision.url.equals(A)).toBe(true);
      await expect(firstValueFrom(provision.states)).resolves.toMatchObject({ status: 'registered' });
    });

    it('adds what others need to know', async () => {
      const { url } = await settle(mine.registry.provide('dubbo://10.0.0.5:20880/com.acme.Users?version=1'));
      expect(Object.fromEntries(url.parameters)).toMatchObject({
        category: 'providers',
        interface: SERVICE,
        pid: String(process.pid),
        side: 'provider',
        version: '1',
      });
      expect(url.parameter('timestamp')).toMatch(/^\d{13}$/);
      expect(url.parameter('release')).toMatch(/^rx-registry-/);
    });

    it('release resolves when the registry has acknowledged it, and completes the states', async () => {
      const provision = await provided();
      let completed = false;
      provision.states.subscribe({ complete: () => (completed = true) });
      await settle(provision.release());
      expect(left()).toMatchObject({ nodes: 0, watches: 0 });
      expect(completed).toBe(true);
      await settle(provision.release());
    });

    it('`await using` releases, and waits for it', async () => {
      const use = async () => {
        await using provision = await mine.registry.provide(A);
        expect(world.providers()).toHaveLength(1);
        return provision.url;
      };
      await settle(use());
      expect(world.providers()).toEqual([]);
    });

    it('a second release does not wait for a later registration of the same service', async () => {
      const first = await provided();
      await settle(first.release());
      const second = await provided();
      await settle(first.release(), 1_000);
      expect(world.providers()).toHaveLength(1);
      await settle(second.release());
    });

    it('release during an outage rejects with TIMEOUT, and the service is taken back all the same: no ghost', async () => {
      const provision = await provided();
      world.server.cut();
      await pass(100);
      const error = await fails(provision.release());
      expect(error).toMatchObject({ code: 'TIMEOUT' });
      world.server.heal();
      await pass(REST_MS);
      expect(world.providers()).toEqual([]);
    });

    it('release after close resolves: there is nothing left to take back', async () => {
      const provision = await provided();
      await settle(mine.registry.close());
      await settle(provision.release());
      await settle(Promise.resolve(provision[Symbol.asyncDispose]()));
      expect(left()).toEqual(NOTHING);
    });

    it('aborted, rejects with the reason, and nothing stays registered', async () => {
      world.server.stop();
      const controller = new AbortController();
      const failure = fails(mine.registry.provide(A, { signal: controller.signal }));
      await turn();
      controller.abort('enough');
      expect(await failure).toBe('enough');
      world.server.start();
      await pass(REST_MS);
      expect(left()).toMatchObject({ nodes: 0, watches: 0 });
      await provided();
    });

    it('aborted before it began, sends nothing', async () => {
      const error = await fails(mine.registry.provide(A, { signal: AbortSignal.abort('before') }));
      expect(error).toBe('before');
      expect(world.server.paths).toEqual(['/']);
    });

    it('rejects with TIMEOUT when the registry cannot be reached in time, and nothing stays registered', async () => {
      world.server.stop();
      const began = world.time.now;
      const error = await fails(mine.registry.provide(A, { timeoutMs: 1_234 }));
      expect(error).toMatchObject({ code: 'TIMEOUT' });
      expect(world.time.now - began).toBe(1_234);
      world.server.start();
      await pass(REST_MS);
      expect(world.providers()).toEqual([]);
    });

    it.each<[string, unknown]>([
      ['INVALID_URL', 'nonsense'],
      ['INVALID_URL', 'dubbo://h:1'],
      ['INVALID_URL', 'dubbo://h:1/com.acme.Users?a=1;b'],
    ])('rejects with %s for %j', async (code, url) => {
      expect(await fails(mine.registry.provide(url as string))).toMatchObject({ code });
      expect(world.server.paths).toEqual(['/']);
    });

    it('rejects with DUPLICATE_REGISTRATION for what is provided already, which stays', async () => {
      await provided();
      expect(await fails(mine.registry.provide(A))).toMatchObject({ code: 'DUPLICATE_REGISTRATION' });
      await pass(SESSION_MS);
      expect(world.providers()).toHaveLength(1);
    });

    it('refuses a timeout out of range', async () => {
      expect(await fails(mine.registry.provide(A, { timeoutMs: -1 }))).toBeInstanceOf(InvalidOptionError);
    });

    it('never shows a password in a message', async () => {
      world.server.stop();
      const error = await fails(mine.registry.provide('dubbo://u:s3cret@h:1/com.acme.Users', { timeoutMs: 10 }));
      expect(error).toMatchObject({ code: 'TIMEOUT' });
      expect(String(error)).not.toContain('s3cret');
    });
  });

  describe('lookup', () => {
    it('resolves with who is there, and leaves no watch', async () => {
      world.server.create(pathOf(A));
      const set = await settle(mine.registry.lookup(QUERY));
      expect([...set].map(({ host }) => host)).toEqual(['a']);
      expect(world.server.watches).toBe(0);
    });

    it('resolves with an empty set for what nobody provides', async () => {
      expect((await settle(mine.registry.lookup(QUERY))).size).toBe(0);
    });

    it('rejects with TIMEOUT during an outage: nobody there is not an answer', async () => {
      world.server.stop();
      await pass(100);
      expect(await fails(mine.registry.lookup(QUERY, { timeoutMs: 500 }))).toMatchObject({ code: 'TIMEOUT' });
    });

    it('aborted, rejects with the reason, and leaves no watch', async () => {
      world.server.stop();
      const controller = new AbortController();
      const failure = fails(mine.registry.lookup(QUERY, { signal: controller.signal }));
      await turn();
      controller.abort('enough');
      expect(await failure).toBe('enough');
      world.server.start();
      await pass(REST_MS);
      expect(world.server.watches).toBe(0);
    });

    it.each<[string, unknown]>([
      ['INVALID_URL', 'nonsense'],
      ['INVALID_OPTION', {}],
      ['INVALID_OPTION', { interface: '' }],
      ['INVALID_OPTION', { interface: 'i', colour: 'red' }],
      ['INVALID_OPTION', undefined],
      ['INVALID_URL', { interface: 'i', category: 'a/b' }],
      ['INVALID_URL', { interface: '..' }],
    ])('rejects with %s for %j', async (code, query) => {
      expect(await fails(mine.registry.lookup(query as string))).toMatchObject({ code });
    });
  });

  describe('close', () => {
    it('clean shutdown: takes everything back, lets every watch go, ends the session, and completes all streams', async () => {
      const registration = new RegistrationRecord(mine.registry, A);
      const consumer = new ConsumerRecord(mine.registry, QUERY);
      const all = new ConsumerRecord(mine.registry, { interface: '*' });
      let warningsCompleted = false;
      mine.registry.warnings.subscribe({ complete: () => (warningsCompleted = true) });
      await pass(0);
      expect(consumer.addresses).toEqual(['a:20880']);
      await settle(mine.registry.close());
      expect(left()).toEqual(NOTHING);
      expect([registration.completed, consumer.completed, all.completed, warningsCompleted]).toEqual([
        true,
        true,
        true,
        true,
      ]);
      expect(mine.states.status).toBe('closed');
      expect(mine.states.completed).toBe(true);
      expect(mine.states.flaws).toEqual([]);
      expect(world.time.timers).toBe(0);
      expect(consumer.addresses, 'no empty push').toEqual(['a:20880']);
    });

    it('is idempotent: the same promise, also as `await using` does it', async () => {
      const closing = mine.registry.close();
      expect(mine.registry.close()).toBe(closing);
      expect(mine.registry[Symbol.asyncDispose]()).toBe(closing);
      await settle(closing);
      await settle(mine.registry.close());
    });

    it.each<[string, (world: World) => void]>([
      ['connected', () => undefined],
      ['suspended', ({ server, time }) => (server.cut(), time.pass(500))],
      ['lost', ({ server, time }) => (server.stop(), time.pass(SESSION_MS))],
      ['connecting', ({ server, time }) => (server.stop(), time.pass(3 * SESSION_MS))],
      ['behind a black hole', ({ server, time }) => (server.blackHole(), time.pass(10))],
      ['frozen', ({ server, time }) => (server.freeze(), time.pass(10))],
    ])(
      'resolves by its deadline when %s, and the server is rid of it within a session timeout',
      async (_state, fault) => {
        const registration = new RegistrationRecord(mine.registry, A);
        new ConsumerRecord(mine.registry, QUERY);
        world.time.pass(0);
        fault(world);
        const began = world.time.now;
        await settle(mine.registry.close({ deadlineMs: 800 }));
        expect(world.time.now - began).toBeLessThanOrEqual(800);
        expect(registration.completed).toBe(true);
        expect(mine.states.status).toBe('closed');
        world.server.thaw();
        world.server.start();
        await pass(SESSION_MS);
        expect(left()).toEqual(NOTHING);
        expect(world.time.timers).toBe(0);
      },
    );

    it('of a registry that was never used', async () => {
      const { registry } = { registry: createRegistry(world.backend()) };
      await settle(registry.close());
      expect(world.server.sessions).toHaveLength(1);
    });

    it('during provide and lookup rejects them with CLOSED, and nothing stays', async () => {
      world.server.stop();
      const failures = [fails(mine.registry.provide(A)), fails(mine.registry.lookup(QUERY))];
      await turn();
      const closing = mine.registry.close({ deadlineMs: 100 });
      await settle(closing);
      for (const failure of failures) expect(await failure).toMatchObject({ code: 'CLOSED' });
      world.server.start();
      await pass(2 * SESSION_MS);
      expect(left()).toEqual(NOTHING);
    });

    it('afterwards everything is refused with CLOSED, and asks nothing of the server', async () => {
      await settle(mine.registry.close());
      expect(await fails(mine.registry.provide(A))).toMatchObject({ code: 'CLOSED' });
      expect(await fails(mine.registry.lookup(QUERY))).toMatchObject({ code: 'CLOSED' });
      const errors: unknown[] = [];
      const error = (reason: unknown) => errors.push(reason);
      mine.registry.register(A).subscribe({ error });
      mine.registry.register(NEVER).subscribe({ error });
      mine.registry.subscribe(QUERY).subscribe({ error });
      mine.registry.instances(QUERY).subscribe({ error });
      expect(errors.map((each) => (each as RegistryError).code)).toEqual(['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED']);
      await expect(firstValueFrom(mine.registry.states)).resolves.toEqual({ status: 'closed' });
      await pass(SESSION_MS);
      expect(left()).toEqual(NOTHING);
    });

    it('from within the end of a stream finds the registry closed already', async () => {
      const errors: unknown[] = [];
      mine.registry.instances(QUERY).subscribe({
        complete: () => mine.registry.register(A).subscribe({ error: (reason: unknown) => errors.push(reason) }),
      });
      await settle(mine.registry.close());
      expect(errors).toMatchObject([{ code: 'CLOSED' }]);
    });

    it('leaves the session to a configuration centre on the same connection where only persistent nodes stay', async () => {
      const center = createConfigCenter(mine.registry);
      const states = new StatesTrace(center.states, world.time.scheduler);
      new RegistrationRecord(mine.registry, provider('p', { dynamic: 'false' }));
      await pass(0);
      const { sessionId } = states;
      await settle(mine.registry.close());
      await pass(SESSION_MS);
      expect([states.statuses, states.sessionId]).toEqual([['connected'], sessionId]);
      expect(world.server.sessions).toEqual([sessionId]);
      await settle(center.close());
    });

    it('ends the session, though others use the connection, where a node would stay that it cannot take back', async () => {
      const center = createConfigCenter(mine.registry);
      const states = new StatesTrace(center.states, world.time.scheduler);
      new RegistrationRecord(mine.registry, A);
      await pass(0);
      world.server.blackHole(mine.backend);
      await settle(mine.registry.close());
      world.server.heal();
      await pass(REST_MS);
      expect(states.statuses).toContain('lost');
      expect(world.providers()).toEqual([]);
      await settle(center.close());
    });

    it('waits for what was let go just before', async () => {
      const registration = mine.registry.register(A).subscribe();
      await pass(0);
      registration.unsubscribe();
      await settle(mine.registry.close());
      expect(left()).toEqual(NOTHING);
    });

    it('waits, as long as its deadline allows, for what was let go during an outage', async () => {
      const persistent = provider('p', { dynamic: 'false' });
      const registration = mine.registry.register(persistent).subscribe();
      await pass(0);
      world.server.cut();
      await pass(100);
      registration.unsubscribe();
      const closing = mine.registry.close();
      await pass(500);
      expect(world.server.read(pathOf(persistent))).toBeDefined();
      world.server.heal();
      await settle(closing);
      expect(left()).toEqual(NOTHING);
    });

    it('completes every stream at once, and not only by its deadline', async () => {
      const streams: Observable<unknown>[] = [
        mine.registry.instances(QUERY),
        mine.registry.subscribe(QUERY),
        mine.registry.register(A),
        mine.registry.register(NEVER),
      ];
      let completed = 0;
      for (const stream of streams) stream.subscribe({ complete: () => (completed += 1) });
      await pass(0);
      world.server.blackHole();
      const closing = mine.registry.close();
      await turn();
      expect(completed).toBe(streams.length);
      await settle(closing);
    });

    it('refuses a deadline out of range, and stays open', async () => {
      expect(() => mine.registry.close({ deadlineMs: -1 })).toThrow(InvalidOptionError);
      await provided();
    });
  });

  it('legal states: the trace of a life with every fault', async () => {
    new RegistrationRecord(mine.registry, A);
    const { server } = world;
    const faults = [
      () => server.cut(),
      () => server.blackHole(),
      () => server.freeze(),
      () => server.stop(),
      () => server.expire(mine.sessionId),
      () => server.loseAnswers(2),
    ];
    for (const fault of faults) {
      for (const ms of [50, 1_000, SESSION_MS, 3 * SESSION_MS]) {
        fault();
        await pass(ms);
        server.thaw();
        server.start();
        server.heal();
        await pass(REST_MS);
        expect(mine.states.status).toBe('connected');
        expect(world.providers()).toHaveLength(1);
      }
    }
    await settle(mine.registry.close());
    expect(mine.states.flaws).toEqual([]);
    expect(new Set(mine.states.statuses)).toEqual(new Set(['connecting', 'connected', 'suspended', 'lost', 'closed']));
  });

  it('no leak: 1,000 subscriptions and 100 reconnects leave everything at the baseline', async () => {
    const { server, time } = world;
    const keep = new ConsumerRecord(mine.registry, QUERY);
    const registration = new RegistrationRecord(mine.registry, A);
    await pass(0);
    const measure = () => ({
      watches: server.watches,
      connections: server.connections,
      sessions: server.sessions.length,
      timers: time.timers,
    });
    const baseline = measure();
    for (let i = 0; i < 1_000; i += 1) {
      const subscriptions = [
        mine.registry.subscribe({ interface: `com.acme.S${i % 7}` }).subscribe(),
        mine.registry.instances({ interface: '*', version: String(i) }).subscribe(),
        mine.registry.register(provider(`h${i}`)).subscribe(),
      ];
      if (i % 2) time.pass(0);
      if (i % 10 === 0) {
        server.cut();
        time.pass(20);
        server.heal();
        time.pass(BACKOFF_MS);
      }
      for (const subscription of subscriptions) subscription.unsubscribe();
    }
    time.pass(BACKOFF_MS);
    expect(mine.states.statuses.filter((status) => status === 'suspended')).toHaveLength(100);
    expect(measure()).toEqual(baseline);
    expect(keep.flaws).toEqual([]);
    expect(keep.addresses).toEqual(['a:20880']);
    expect(registration.status).toBe('registered');
    await settle(mine.registry.close());
    expect(time.timers).toBe(0);
  });

  it('bounded load: one change costs one message for each who watches, however many there are', () => {
    const urls = new Subject<ServiceUrl>();
    for (let i = 0; i < 200; i += 1) world.server.create(pathOf(provider(`h${i}`)));
    let told = 0;
    mine.registry.subscribe(QUERY).subscribe(() => (told += 1));
    mine.registry.register(urls).subscribe();
    world.time.pass(0);
    told = 0;
    urls.next(A);
    world.time.pass(0);
    expect(told).toBe(1);
    // The directory of the service, its mapping, and the node of our own.
    expect(world.server.watches).toBe(3);
  });

  it('is one for many: states are shared, and unsubscribing from them does not disconnect', async () => {
    const one = mine.registry.states.subscribe();
    one.unsubscribe();
    await pass(SESSION_MS);
    expect(world.server.sessions).toEqual([mine.sessionId]);
    await expect(firstValueFrom(mine.registry.states)).resolves.toMatchObject({ status: 'connected' });
  });

  it('an error of the urls is the registration’s, and takes the node back', async () => {
    const urls = new Subject<string>();
    const registration = new RegistrationRecord(mine.registry, urls);
    urls.next(A.toString());
    await pass(0);
    const theirs = new Error('theirs');
    urls.error(theirs);
    await pass(0);
    expect(registration.error).toBe(theirs);
    expect(world.providers()).toEqual([]);
    const bad = new RegistrationRecord(mine.registry, of('nonsense'));
    expect(bad.error).toBeInstanceOf(InvalidUrlError);
  });

  it('takes a backend of anybody’s making', async () => {
    const registry = createRegistry(memory());
    expect((await registry.lookup(QUERY)).size).toBe(0);
    await registry.close();
  });
});
