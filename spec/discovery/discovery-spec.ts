import { config, Subject, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InstanceSet, ServiceEvent } from '../../lib/instances/index.js';
import { type ServiceQuery, ServiceUrl } from '../../lib/dubbo/index.js';
import { ConsumerRecord } from '../support/scenario/consumerRecord.js';
import {
  BACKOFF_MS,
  type Inhabitant,
  pathOf,
  provider,
  refusing,
  REST_MS,
  SERVICE,
  SESSION_MS,
  World,
} from '../support/virtual/index.js';

const QUERY: ServiceQuery = { interface: SERVICE };

describe('discovery', () => {
  let world: World;
  let mine: Inhabitant;
  let consumers: ConsumerRecord[];

  beforeEach(() => {
    world = new World();
    mine = world.connected();
    consumers = [];
  });

  afterEach(() => {
    expect(
      consumers.flatMap(({ flaws }) => flaws),
      'legal events',
    ).toEqual([]);
  });

  const consume = (query: ServiceQuery = QUERY, who = mine): ConsumerRecord => {
    const consumer = new ConsumerRecord(who.registry, query);
    consumers.push(consumer);
    return consumer;
  };
  const put = (...urls: ServiceUrl[]) => urls.forEach((url) => world.server.create(pathOf(url)));
  const take = (...urls: ServiceUrl[]) => urls.forEach((url) => world.server.remove(pathOf(url)));
  const pass = (ms = 0) => world.time.pass(ms);

  describe('a provider that switches itself off', () => {
    it.each([{ disabled: 'true' }, { 'default.disabled': 'true' }, { enabled: 'false' }])(
      'by %j is in no set and no event, and one that is switched on again comes anew',
      (off) => {
        const urls = new Subject<ServiceUrl>();
        const other = world.connected();
        const at = (parameters: Readonly<Record<string, string>>, timestamp: number) =>
          provider('a', { ...parameters, timestamp: String(1_700_000_000_000 + timestamp) });
        other.registry.register(urls).subscribe();
        const consumer = consume();
        const all = consume({ interface: SERVICE, enabled: '*' });
        urls.next(at(off, 1));
        pass(REST_MS);
        expect([consumer.told, consumer.sizes]).toEqual([[], [0]]);
        urls.next(at({}, 2));
        pass(REST_MS);
        expect(consumer.told).toEqual(['add a:20880']);
        urls.next(at(off, 3));
        pass(REST_MS);
        expect(consumer.told.slice(1)).toEqual(['delete a:20880']);
        urls.next(at({ weight: '5' }, 4));
        pass(REST_MS);
        expect(consumer.told.slice(2)).toEqual(['add a:20880']);
        expect(consumer.sizes).toEqual([0, 1, 0, 1]);
        expect(all.told).toEqual(['add a:20880', 'update a:20880', 'update a:20880', 'update a:20880']);
      },
    );

    it('is not called while the node of its former process is still there', () => {
      put(provider('a'));
      const consumer = consume();
      pass();
      put(provider('a', { disabled: 'true', pid: '2', timestamp: '1700000000001' }));
      pass();
      expect(consumer.told).toEqual(['add a:20880', 'delete a:20880']);
    });

    it('harms no rule that switches others off', () => {
      const rule = ServiceUrl.parse(`override://0.0.0.0/${SERVICE}?category=configurators&disabled=true`);
      put(rule);
      const consumer = consume({ interface: SERVICE, category: 'configurators' });
      pass();
      expect(consumer.told).toEqual(['add 0.0.0.0']);
    });
  });

  it('finds providers of Dubbo 2.6 by the group and version of all their services, and nowhere else', () => {
    const text = (host: string) =>
      `dubbo://${host}:20880/${SERVICE}?default.group=g1&default.version=1.0.0&default.weight=7&dubbo=2.6.2&interface=${SERVICE}`;
    const place = (host: string) => `/dubbo/${SERVICE}/providers/${encodeURIComponent(text(host))}`;
    world.server.create(place('a'));
    const named = consume({ interface: SERVICE, group: 'g1', version: '1.0.0' });
    const bare = consume();
    const any = consume({ interface: SERVICE, group: '*', version: '*' });
    pass();
    expect([named.told, bare.told, any.told]).toEqual([['add a:20880'], [], ['add a:20880']]);
    expect(any.services.map((service) => service.parameter('weight'))).toEqual(['7']);
    world.server.remove(place('a'));
    pass();
    expect(named.told.at(-1)).toBe('delete a:20880');
  });

  it('tells the complete present set, and then who comes, changes and goes', () => {
    put(provider('a'), provider('b'));
    const consumer = consume();
    pass();
    expect(consumer.told.sort()).toEqual(['add a:20880', 'add b:20880']);
    expect(consumer.sizes).toEqual([2]);
    put(provider('c'));
    pass();
    take(provider('a'));
    pass();
    expect(consumer.told.slice(2)).toEqual(['add c:20880', 'delete a:20880']);
    expect(consumer.sizes).toEqual([2, 3, 2]);
  });

  describe('isolation of a directory that may not be read', () => {
    const closed = '/dubbo/com.acme.Closed/providers';
    let open: boolean;
    let who: Inhabitant;

    beforeEach(() => {
      open = false;
      who = world.registry(
        {},
        refusing(world.backend(), (_, path) => path === closed && !open),
      );
      put(provider('a'));
      world.server.create(
        `${closed}/${pathOf(provider('b')).split('/').at(-1)?.replaceAll(SERVICE, 'com.acme.Closed')}`,
      );
    });

    it('it is left out of a query of many, warned of once, and told when it can be read', () => {
      const consumer = consume({ interface: '*' }, who);
      pass();
      expect(consumer.told).toEqual(['add a:20880']);
      pass(10_000);
      expect(who.warnings.map(({ code, path }) => [code, path])).toEqual([['UNREADABLE_DIRECTORY', closed]]);
      open = true;
      pass(BACKOFF_MS);
      expect(consumer.told).toEqual(['add a:20880', 'add b:20880']);
    });

    it('it errors a query that asks for nothing else, as nothing was ever told', () => {
      const errors: unknown[] = [];
      who.registry
        .subscribe({ interface: 'com.acme.Closed' })
        .subscribe({ error: (error: unknown) => errors.push(error) });
      pass();
      expect(errors).toMatchObject([{ code: 'NOT_AUTHORIZED' }]);
    });
  });

  it('queries that differ are answered apart, however they are written', () => {
    put(provider('a', { group: 'a' }));
    const sneaky = consume({ interface: SERVICE, enabled: '*&group=a' });
    const plain = consume({ interface: SERVICE, enabled: '*', group: 'a' });
    pass();
    expect([sneaky.sizes, plain.sizes]).toEqual([[0], [1]]);
  });

  it('a directory that is not there is an empty set, watched for its coming', () => {
    const consumer = consume();
    pass();
    expect(consumer.sizes).toEqual([0]);
    put(provider('a'));
    pass();
    expect(consumer.addresses).toEqual(['a:20880']);
  });

  it('a service that is deleted and made again is followed through it', () => {
    put(provider('a'));
    const consumer = consume();
    pass();
    world.server.remove(`/dubbo/${SERVICE}`);
    pass();
    expect(consumer.addresses).toEqual([]);
    put(provider('b'));
    pass();
    expect(consumer.told).toEqual(['add a:20880', 'delete a:20880', 'add b:20880']);
  });

  it('looking makes nothing: names that were encoded again and again do not grow another escape, nor another directory', () => {
    const names = ['com.acme.A%2524B', 'com.acme.A%252524B', 'com.acme.A%25252524B'];
    for (const name of names) world.server.create(`/dubbo/${name}/providers`);
    const { paths } = world.server;
    const consumer = consume({ interface: '*', category: '*' });
    for (const name of names) consume({ interface: decodeURIComponent(name) });
    pass(10 * SESSION_MS);
    world.server.cut();
    pass(SESSION_MS / 2);
    world.server.heal();
    pass();
    expect(world.server.paths).toEqual(paths);
    expect(consumer.error).toBeUndefined();
  });

  it('a change of weight is one update', () => {
    put(provider('a', { weight: '1' }));
    const consumer = consume();
    pass();
    put(provider('a', { weight: '2', timestamp: '1700000000001' }));
    pass();
    take(provider('a', { weight: '1' }));
    pass();
    expect(consumer.told).toEqual(['add a:20880', 'update a:20880']);
    expect(consumer.services[0]?.parameter('weight')).toBe('2');
  });

  describe('no empty push', () => {
    it('an outage removes nothing from any view', () => {
      put(provider('a'), provider('b'));
      const consumer = consume();
      pass();
      world.server.stop();
      pass(4 * SESSION_MS);
      expect(mine.states.statuses).toContain('lost');
      expect(consumer.addresses).toEqual(['a:20880', 'b:20880']);
      expect(consumer.sizes).toEqual([2]);
      world.server.start();
      pass(REST_MS);
      expect(mine.states.status).toBe('connected');
      expect(consumer.sizes, 'and what is still there is not told again').toEqual([2]);
    });

    it('neither does the end of our session', () => {
      put(provider('a'));
      const consumer = consume();
      pass();
      world.server.expire(mine.sessionId);
      pass(REST_MS);
      expect(consumer.told).toEqual(['add a:20880']);
    });

    it('a true removal of the last instance arrives', () => {
      put(provider('a'));
      const consumer = consume();
      pass();
      take(provider('a'));
      pass();
      expect(consumer.sizes).toEqual([1, 0]);
    });

    it('a consumer that comes during an outage gets the last known set at once, if there is one', () => {
      put(provider('a'));
      consume();
      pass();
      world.server.cut();
      pass(100);
      expect(consume().addresses).toEqual(['a:20880']);
      const other = consume({ interface: 'com.acme.Never' });
      pass(SESSION_MS);
      expect(other.sizes, 'what nobody knows is not an empty set').toEqual([]);
    });
  });

  describe('no missed removal', () => {
    it('what came, changed and went during an outage is told after it, and nothing else', () => {
      put(provider('a'), provider('b', { weight: '1' }), provider('c'));
      const consumer = consume();
      pass();
      world.server.cut();
      pass(100);
      take(provider('a'), provider('b', { weight: '1' }));
      put(provider('b', { weight: '2' }), provider('d'));
      pass(500);
      expect(consumer.told).toHaveLength(3);
      world.server.heal();
      pass(BACKOFF_MS);
      expect(consumer.told.slice(3).sort()).toEqual(['add d:20880', 'delete a:20880', 'update b:20880']);
      expect(consumer.sizes, 'told together').toHaveLength(2);
    });

    it('the last instance gone during an outage is told after it', () => {
      put(provider('a'));
      const consumer = consume();
      pass();
      world.server.cut();
      pass(100);
      world.server.remove('/dubbo');
      world.server.heal();
      pass(BACKOFF_MS);
      expect(consumer.sizes).toEqual([1, 0]);
    });

    it('holds behind a black hole too, where nobody is told that the watch is dead', () => {
      put(provider('a'), provider('b'));
      const consumer = consume();
      pass();
      world.server.blackHole(mine.sessionId);
      take(provider('a'));
      pass(SESSION_MS);
      world.server.heal();
      pass(REST_MS);
      expect(consumer.addresses).toEqual(['b:20880']);
    });
  });

  describe('of all services', () => {
    const all: ServiceQuery = { interface: '*' };

    it('sees services come and go', () => {
      const orders = provider('o', { interface: 'com.acme.Orders' });
      put(provider('a'));
      const consumer = consume(all);
      pass();
      expect(consumer.told).toEqual(['add a:20880']);
      expect(consumer.sizes, 'the first set is complete').toEqual([1]);
      put(orders);
      pass();
      world.server.remove(`/dubbo/${SERVICE}`);
      pass();
      expect(consumer.told).toEqual(['add a:20880', 'add o:20880', 'delete a:20880']);
      put(provider('b'));
      pass();
      expect(consumer.addresses).toEqual(['b:20880', 'o:20880']);
    });

    it('tells the first set once all services are read, never a part of it', () => {
      for (let i = 0; i < 30; i += 1) put(provider(`h${i}`, { interface: `com.acme.S${i}` }));
      const consumer = consume(all);
      pass();
      expect(consumer.sizes).toEqual([30]);
    });

    it('tells the first set once the whole list of services is read, also where each of them is followed already', () => {
      // More services than one slice of a large list holds, see inSlices.
      const COUNT = 2_500;
      const services = Array.from({ length: COUNT }, (_, i) => provider(`h${i}`, { interface: `com.acme.S${i}` }));
      put(...services);
      const followed = services.map((service) => mine.registry.instances({ interface: service.interface }).subscribe());
      pass();
      const consumer = consume(all);
      pass();
      expect(consumer.sizes).toEqual([COUNT]);
      for (const each of followed) each.unsubscribe();
    });

    it('an empty registry is an empty set', () => {
      const consumer = consume(all);
      pass();
      expect(consumer.sizes).toEqual([0]);
    });

    it('releases the watch of a service that is gone', () => {
      const consumer = consume(all);
      for (let i = 0; i < 10; i += 1) {
        put(provider('a', { interface: `com.acme.S${i}` }));
        pass();
        world.server.remove(`/dubbo/com.acme.S${i}`);
        pass();
      }
      expect(consumer.sizes).toHaveLength(20);
      // The list of services, and that of applications.
      expect(world.server.watches).toBe(2);
    });

    it('survives outages in which services come and go', () => {
      put(provider('a'));
      const consumer = consume(all);
      pass();
      world.server.cut();
      world.server.remove(`/dubbo/${SERVICE}`);
      put(provider('o', { interface: 'com.acme.Orders' }));
      pass(100);
      world.server.heal();
      pass(BACKOFF_MS);
      expect(consumer.addresses).toEqual(['o:20880']);
    });

    it('skips a service whose name cannot be read, and warns once', () => {
      world.server.create('/dubbo/%zz/providers');
      put(provider('a'));
      const consumer = consume(all);
      pass();
      expect(consumer.addresses).toEqual(['a:20880']);
      expect(mine.warnings.map(({ code, path }) => [code, path])).toEqual([['UNREADABLE_NODE', '/dubbo/%zz']]);
    });
  });

  describe('by category, group and version', () => {
    const rule = provider('r', { category: 'configurators' });
    const ofGroups = ['g1', 'g2', undefined].map((group, i) => provider(`g${i}`, group === undefined ? {} : { group }));
    const ofVersions = ['1.0', '2.0', '3.0'].map((version, i) => provider(`v${i}`, { version }));

    it.each<[string, Partial<ServiceQuery>, string[]]>([
      ['nothing: providers without group and version', {}, ['g2']],
      ['one group', { group: 'g1' }, ['g0']],
      ['a list of groups', { group: 'g1, g2' }, ['g0', 'g1']],
      ['all groups', { group: '*' }, ['g0', 'g1', 'g2']],
      ['one version', { version: '2.0' }, ['v1']],
      ['a list of versions', { version: '1.0,3.0' }, ['v0', 'v2']],
      ['all versions', { version: '*' }, ['g2', 'v0', 'v1', 'v2']],
      ['everything', { group: '*', version: '*', category: '*' }, ['g0', 'g1', 'g2', 'r', 'v0', 'v1', 'v2']],
      ['two categories', { category: 'providers,configurators' }, ['g2', 'r']],
      ['all but one category', { category: '-providers' }, ['r']],
    ])('%s', (_what, query, hosts) => {
      put(rule, ...ofGroups, ...ofVersions);
      const consumer = consume({ ...QUERY, ...query });
      pass();
      expect(consumer.services.map(({ host }) => host).sort()).toEqual(hosts);
      expect(consumer.sizes, 'the first set is complete').toEqual([hosts.length]);
    });

    it('says nothing of what the query does not ask for', () => {
      const consumer = consume({ ...QUERY, version: '1.0' });
      pass();
      put(provider('x', { version: '9' }));
      pass();
      expect(consumer.sizes).toEqual([0]);
    });
  });

  describe('isolation', () => {
    let reported: unknown[];

    beforeEach(() => {
      reported = [];
      config.onUnhandledError = (error) => reported.push(error);
    });

    afterEach(() => {
      config.onUnhandledError = null;
    });

    const directory = `/dubbo/${SERVICE}/providers`;

    it('a poison record harms nothing beside it, and is warned of once', () => {
      const poison = ['%', '%zz', 'no-url-at-all', 'dubbo%3A%2F%2F', `dubbo%3A%2F%2Fh%2F${'x'.repeat(100_000)}`, '%00'];
      put(provider('a'));
      for (const name of poison) world.server.create(`${directory}/${name}`);
      const consumer = consume();
      const other = consume({ ...QUERY, version: '*' });
      pass();
      expect(consumer.addresses).toEqual(['a:20880']);
      expect(other.addresses).toEqual(['a:20880']);
      const warned = mine.warnings.map(({ path }) => path);
      expect(warned.sort()).toEqual(poison.map((name) => `${directory}/${name}`).sort());
      expect(mine.warnings.map(({ count }) => count)).toEqual(poison.map((_name, index) => index + 1));
      world.server.cut();
      pass(100);
      world.server.heal();
      pass(BACKOFF_MS);
      put(provider('b'));
      pass();
      expect(mine.warnings).toHaveLength(poison.length);
      expect(consumer.addresses).toEqual(['a:20880', 'b:20880']);
    });

    it('no warning can write a line of its own, or fill the log', () => {
      world.server.create(`${directory}/${'y'.repeat(5_000)}`);
      consume();
      pass();
      for (const { message } of mine.warnings) {
        expect(message.length).toBeLessThan(1_000);
        expect(message).not.toMatch(/[\r\n]/);
      }
    });

    it('a subscriber that throws harms nobody', async () => {
      put(provider('a'));
      const before = consume();
      mine.registry.subscribe(QUERY).subscribe(() => {
        throw new Error('mine alone');
      });
      mine.registry.instances(QUERY).subscribe(() => {
        throw new Error('mine alone');
      });
      const after = consume();
      pass();
      put(provider('b'));
      pass();
      take(provider('a'));
      pass();
      for (const consumer of [before, after]) {
        expect(consumer.told).toEqual(['add a:20880', 'add b:20880', 'delete a:20880']);
      }
      // RxJS reports what a subscriber throws once the stack is empty.
      await vi.waitFor(() => expect(reported).toHaveLength(2 + 1 + 3));
      expect(reported.every((error) => (error as Error).message === 'mine alone')).toBe(true);
    });

    it('a subscriber that subscribes and unsubscribes while it is told harms nobody', () => {
      put(provider('a'));
      const nested: ConsumerRecord[] = [];
      let self: Subscription | undefined = undefined;
      const before = consume();
      self = mine.registry.subscribe(QUERY).subscribe(() => {
        nested.push(consume());
        nested.shift()?.unsubscribe();
        if (nested.length < 3) nested.push(consume(), consume({ interface: '*' }));
        if (consumers.length > 8) self?.unsubscribe();
      });
      const after = consume();
      pass();
      put(provider('b'), provider('c'));
      pass();
      take(provider('a'), provider('b'));
      pass();
      for (const consumer of [before, after, ...nested]) expect(consumer.addresses).toEqual(['c:20880']);
    });
  });

  describe('sharing', () => {
    it('any number of subscribers to one service is one watch of its directory and one of its mapping', () => {
      const subscriptions = Array.from({ length: 50 }, (_, i) => consume({ ...QUERY, version: i % 2 ? '*' : '1.0' }));
      pass();
      expect(world.server.watches).toBe(2);
      subscriptions.slice(1).forEach((consumer) => consumer.unsubscribe());
      expect(world.server.watches).toBe(2);
      subscriptions[0]!.unsubscribe();
      expect(world.server.watches, 'the last one’s leaving releases it').toBe(0);
    });

    it('one that comes late gets the current set at once', () => {
      put(provider('a'));
      consume();
      pass();
      put(provider('b'));
      pass();
      const late = consume();
      expect(late.addresses).toEqual(['a:20880', 'b:20880']);
      expect(late.sizes).toEqual([2]);
      const lateElsewhere = consume({ ...QUERY, group: '*' });
      expect(lateElsewhere.addresses).toEqual(['a:20880', 'b:20880']);
    });

    it('one that comes back after everybody left is told what is there now', () => {
      put(provider('a'));
      const first = consume();
      pass();
      first.unsubscribe();
      take(provider('a'));
      put(provider('b'));
      const second = consume();
      pass();
      expect(second.told).toEqual(['add b:20880']);
    });

    it('a set that was told never changes', () => {
      put(provider('a'));
      const sets: InstanceSet[] = [];
      mine.registry.instances(QUERY).subscribe((set) => sets.push(set));
      pass();
      put(provider('b'));
      pass();
      take(provider('a'));
      pass();
      expect(sets.map((set) => [...set].map(({ host }) => host).sort())).toEqual([['a'], ['a', 'b'], ['b']]);
    });
  });

  it('tells what comes together together: one set for a hundred nodes of one batch', () => {
    const consumer = consume();
    pass();
    world.server.cut();
    for (let i = 0; i < 100; i += 1) put(provider(`h${i}`));
    world.server.heal();
    pass(BACKOFF_MS);
    expect(consumer.sizes).toEqual([0, 100]);
  });

  it('goes on after a watch that failed', () => {
    put(provider('a'));
    world.server.loseAnswers(3);
    const events: ServiceEvent[] = [];
    mine.registry.subscribe(QUERY).subscribe((event) => events.push(event));
    pass(3 * BACKOFF_MS);
    put(provider('b'));
    pass();
    expect(events.map(({ type, service }) => `${type} ${service.host}`)).toEqual(['add a', 'add b']);
  });
});
