import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createConfigCenter, createRegistry, type RegistryWarning } from '../../../lib/index.js';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { startZooKeeperRegistry, type ZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { type RawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { Recorder, text } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { eventually } from '../../support/servers/eventually.js';
import { zookeeperDistribution } from '../../support/servers/zookeeperDistribution.js';

/** With a user, what a provider makes belongs to it alone. */
const USER = { user: 'app:s3cret@' };

const HIDDEN = '/dubbo/withheld.Hidden/providers';

/** Whether the server is known to withhold something: from 3.8.4 and 3.9.2 on. Older ones may be patched. */
const [, minor = 0, patch = 0] = zookeeperDistribution().version.split('.').map(Number);
const HAS_NAMES = minor >= 6;
const WITHHOLDS = minor > 9 || (minor === 9 && patch >= 2) || (minor === 8 && patch >= 4);

/** Everything but to read. */
const UNREADABLE = { permissions: 30 };

describe('children that a consumer may not read, in a directory that it may read', () => {
  let server: ZooKeeperRegistry;
  let stage: Stage;
  let services = 0;
  beforeAll(async () => {
    server = await startZooKeeperRegistry();
    stage = new Stage(server);
  });
  afterEach(() => stage.clear());
  afterAll(() => server.close());

  /** A service whose directories were made when nobody had credentials yet. */
  async function openService(): Promise<{ name: string; directory: string }> {
    const name = `withheld.Service${(services += 1)}`;
    const directory = `/dubbo/${name}/providers`;
    await server.create(directory);
    return { name, directory };
  }

  function warningsOf({ warnings }: { readonly warnings: readonly RegistryWarning[] }): unknown[] {
    return warnings.map(({ code, path }) => [code, path]);
  }

  async function expectWarning(consumer: Actor, directory: string): Promise<void> {
    if (WITHHOLDS) await eventually(() => expect(consumer.warnings).not.toEqual([]));
    const expected = [['WITHHELD_EVENTS', directory]];
    expect([[], expected]).toContainEqual(warningsOf(consumer));
    for (const { message } of consumer.warnings) expect(message).toMatch(/may not read.*acl "open"/);
  }

  it('no missed removal: their coming and going is told, beside that of others, and one warning says what to do', async () => {
    const { name, directory } = await openService();
    const open = await stage.connect();
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: name });
    const readable = open.register(`dubbo://open:1/${name}`);
    await readable.registered();
    await eventually(() => expect(view.addresses).toEqual(['open:1']));
    expect(consumer.warnings).toEqual([]);

    const owner = await stage.connect(USER);
    const [one, other] = ['one', 'other'].map((host) => owner.register(`dubbo://${host}:1/${name}`));
    await eventually(() => expect(view.addresses).toEqual(['one:1', 'open:1', 'other:1']));
    one!.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual(['open:1', 'other:1']));
    readable.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual(['other:1']));
    await server.expire(await owner.connected());
    await other!.registered();
    await owner.registry.close();
    await eventually(() => expect(view.addresses).toEqual([]));
    await expectWarning(consumer, directory);
  });

  it('are told of from the first set on, also where all of them are such', async () => {
    const { name, directory } = await openService();
    const owner = await stage.connect(USER);
    const registrations = ['a', 'b', 'c'].map((host) => owner.register(`dubbo://${host}:1/${name}`));
    await Promise.all(registrations.map((each) => each.registered()));
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: name });
    await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1', 'c:1']));
    expect(view.sizes[0]).toBe(3);
    for (const registration of registrations) registration.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));
    await expectWarning(consumer, directory);
  });

  it('are told of to a query for everything, and to those that it covers, before and after it ends', async () => {
    const [first, second] = [await openService(), await openService()];
    const consumer = await stage.connect();
    const all = consumer.consume({ interface: '*' });
    const single = consumer.consume({ interface: first.name });
    const owner = await stage.connect(USER);
    const one = owner.register(`dubbo://one:1/${first.name}`);
    const two = owner.register(`dubbo://two:1/${second.name}`);
    await eventually(() => expect(single.addresses).toEqual(['one:1']));
    await eventually(() => expect(all.addresses).toEqual(['one:1', 'two:1']));
    two.unsubscribe();
    await eventually(() => expect(all.addresses).toEqual(['one:1']));
    // Its service is new, and the directories belong to the provider, too: that they are there is all that can be known.
    const hidden = owner.register('dubbo://three:1/withheld.Hidden');
    await hidden.registered();
    await eventually(() => expect(warningsOf(consumer)).toContainEqual(['UNREADABLE_DIRECTORY', HIDDEN]));
    all.unsubscribe();
    one.unsubscribe();
    await eventually(() => expect(single.addresses).toEqual([]));
    owner.register(`dubbo://four:1/${first.name}`);
    await eventually(() => expect(single.addresses).toEqual(['four:1']));
    hidden.unsubscribe();
  });

  it('are told of over a reconnect', async () => {
    const { name } = await openService();
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: name });
    const owner = await stage.connect(USER);
    const registration = owner.register(`dubbo://a:1/${name}`);
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    consumer.proxy.cut();
    registration.unsubscribe();
    owner.register(`dubbo://b:1/${name}`);
    consumer.proxy.heal();
    await eventually(() => expect(view.addresses).toEqual(['b:1']));
    owner.register(`dubbo://c:1/${name}`);
    await eventually(() => expect(view.addresses).toEqual(['b:1', 'c:1']));
  });

  it('are told of to those who follow the keys of a configuration center', async () => {
    await using open = createConfigCenter(zookeeper(server.address));
    await open.publish('first', '1', { group: 'withheld' });
    const keys: (readonly string[])[] = [];
    const warnings: unknown[] = [];
    open.warnings.subscribe(({ code, path }) => warnings.push([code, path]));
    open.keys('withheld').subscribe((set) => keys.push([...set].sort()));
    await eventually(() => expect(keys.at(-1)).toEqual(['first']));
    await using owner = createConfigCenter(zookeeper(server.address, { username: 'app', password: 's3cret' }));
    await owner.publish('second', '2', { group: 'withheld' });
    await eventually(() => expect(keys.at(-1)).toEqual(['first', 'second']));
    await owner.remove('second', { group: 'withheld' });
    await eventually(() => expect(keys.at(-1)).toEqual(['first']));
    expect([[], [['WITHHELD_EVENTS', '/dubbo/config/withheld']]]).toContainEqual(warnings);
    if (WITHHOLDS) expect(warnings).toHaveLength(1);
  });

  it.runIf(HAS_NAMES)(
    'bounded load: where there are none, a change costs the same in any directory, and nobody is warned',
    async () => {
      const { name, directory } = await openService();
      const owner = await stage.connect();
      const consumer = await stage.connect();
      const view = consumer.consume({ interface: name });
      const many = Array.from({ length: 1_000 }, (_, index) => owner.register(`dubbo://h${index}:1/${name}`));
      await Promise.all(many.map((each) => each.registered()));
      await eventually(() => expect(view.addresses).toHaveLength(1_000));
      const before = consumer.proxy.bytes().toClient;
      for (let change = 0; change < 20; change += 1) {
        const come = owner.register(`dubbo://new${change}:1/${name}`);
        await eventually(() => expect(view.addresses).toHaveLength(1_001));
        come.unsubscribe();
        await eventually(() => expect(view.addresses).toHaveLength(1_000));
      }
      // Each of 40 changes is told by name, which has some 200 bytes; to list the directory takes 100,000.
      expect((consumer.proxy.bytes().toClient - before) / 40).toBeLessThan(1_500);
      // A burst, in which what is told and what is counted are asked for at any moment.
      for (const each of many) each.unsubscribe();
      await eventually(() => expect(view.addresses).toEqual([]));
      expect(consumer.warnings.filter(({ path }) => path === directory)).toEqual([]);
    },
  );

  it('stays true in a storm of nodes that are readable and nodes that are not', async () => {
    const { name, directory } = await openService();
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: name });
    const programs = [await stage.connect(), await stage.connect(USER), await stage.connect()];
    const live: { unsubscribe(): void }[] = [];
    for (let change = 0; change < 600; change += 1) {
      if (change % 3 === 2) live.splice((change * 7) % live.length, 1)[0]!.unsubscribe();
      else live.push(programs[(change % 7) % 3]!.register(`dubbo://s${change}:1/${name}`));
      if (change % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(async () => expect(await server.names(directory)).toHaveLength(live.length));
    await eventually(() => expect(view.addresses).toHaveLength(live.length));
    for (const each of live) each.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));
  });

  it('needs no warning where a directory is read whenever it changes', async () => {
    const { name } = await openService();
    await using registry = createRegistry(zookeeper(server.address, { persistentWatches: false }));
    const warnings: RegistryWarning[] = [];
    registry.warnings.subscribe((warning) => warnings.push(warning));
    const sizes: number[] = [];
    registry.instances({ interface: name }).subscribe(({ size }) => sizes.push(size));
    await eventually(() => expect(sizes).toEqual([0]));
    const owner = await stage.connect(USER);
    const registration = owner.register(`dubbo://a:1/${name}`);
    await eventually(() => expect(sizes).toEqual([0, 1]));
    registration.unsubscribe();
    await eventually(() => expect(sizes).toEqual([0, 1, 0]));
    expect(warnings).toEqual([]);
  });
});

describe('a node that comes where there was none, and that may not be read', () => {
  const SESSION_MS = 1_000;
  let server: ZooKeeperRegistry;
  let raw: RawZooKeeper;
  const troupe = new Troupe(zookeeper);
  beforeAll(async () => {
    server = await startZooKeeperRegistry({ tickTimeMs: 500 });
    raw = await server.raw();
    await raw.create('/come');
  });
  afterEach(() => troupe.clear());
  afterAll(() => server.close());

  // The server tells nothing of it, and drops a one-shot watch by that. It is asked again once in a session timeout.

  it('does not hide the one that comes after it', async () => {
    const { session } = await troupe.join(server.port, { sessionTimeoutMs: SESSION_MS });
    using seen = new Recorder(session.watchNode('/come/node'));
    await eventually(() => expect(seen.values).toEqual([undefined]));
    await raw.create('/come/node', UNREADABLE);
    await raw.remove('/come/node');
    await raw.create('/come/node', { data: 'readable' });
    await eventually(() => expect(text(seen.last?.data)).toBe('readable'));
    expect(seen.values).toHaveLength(2);
    expect(seen.error).toBeUndefined();
  });

  it('is told as an error to who watches it', async () => {
    const { session } = await troupe.join(server.port, { sessionTimeoutMs: SESSION_MS });
    using seen = new Recorder(session.watchNode('/come/unreadable'));
    await eventually(() => expect(seen.values).toEqual([undefined]));
    await raw.create('/come/unreadable', UNREADABLE);
    await eventually(() => expect(seen.error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
  });

  it.each([true, false])('is told as an error to who watches it as a directory, by name: %s', async (byName) => {
    const path = `/come/directory-${byName}`;
    const { session } = await troupe.join(server.port, { sessionTimeoutMs: SESSION_MS, persistentWatches: byName });
    using seen = new Recorder(session.watchDirectory(path));
    await eventually(() => expect(seen.values).toEqual([{ type: 'snapshot', names: [] }]));
    await raw.create(path, UNREADABLE);
    await eventually(() => expect(seen.error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
    expect(seen.values).toHaveLength(1);
  });

  it('makes a service that a consumer waits for one that it is warned of, and that is found once it can be read', async () => {
    await using registry = createRegistry(zookeeper(server.address, { sessionTimeoutMs: SESSION_MS }));
    const warnings: unknown[] = [];
    const sizes: number[] = [];
    registry.warnings.subscribe(({ code, path }) => warnings.push([code, path]));
    registry.instances({ interface: 'withheld.New' }).subscribe(({ size }) => sizes.push(size));
    await eventually(() => expect(sizes).toEqual([0]));
    const directory = '/dubbo/withheld.New/providers';
    await raw.create(directory, { parents: true, ...UNREADABLE });
    await eventually(() => expect(warnings).toEqual([['UNREADABLE_DIRECTORY', directory]]));
    await raw.create(`${directory}/${encodeURIComponent('dubbo://a:1/withheld.New?interface=withheld.New')}`);
    await raw.setAcl(directory, 31);
    await eventually(() => expect(sizes).toEqual([0, 1]));
  });

  it('costs a request or two in a session timeout where nothing comes', async () => {
    const { session } = await troupe.join(server.port, { sessionTimeoutMs: SESSION_MS });
    const seen = Array.from({ length: 50 }, (_, index) => new Recorder(session.watchNode(`/come/absent-${index}`)));
    const directories = Array.from(
      { length: 50 },
      (_, index) => new Recorder(session.watchDirectory(`/come/none-${index}`)),
    );
    await eventually(() => [...seen, ...directories].every(({ values }) => values.length === 1));
    const [before, since] = [await server.packetsReceived(), performance.now()];
    await eventually(() => performance.now() - since > 3 * SESSION_MS);
    const timeouts = (performance.now() - since) / SESSION_MS;
    // One for each that is absent, and the pings: six in a session timeout.
    expect((await server.packetsReceived()) - before).toBeLessThan((timeouts + 1) * (100 + 10));
    for (const each of [...seen, ...directories]) {
      expect(each.values).toHaveLength(1);
      each.stop();
    }
  });
});
