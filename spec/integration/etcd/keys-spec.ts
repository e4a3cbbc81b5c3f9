import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { belongsTo, throughout } from '../../support/scenario/judge.js';
import { EtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { Stage } from '../../support/scenario/stage.js';
import { startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import type { RawEtcd, RawKey } from '../../support/servers/rawEtcd.js';

let server: EtcdRegistry;
let raw: RawEtcd;
let stage: Stage;
beforeAll(async () => {
  server = new EtcdRegistry(await startEtcd());
  raw = server.raw;
  stage = new Stage(server);
});
afterEach(async () => {
  await stage.clear();
  await raw.deleteRange('/');
});
afterAll(() => server.close());

const DIRECTORY = '/dubbo/com.acme.Users/providers';

/** What is in the store, in short: key, value, and whether it goes with somebody. */
function written(keys: readonly RawKey[]): string[] {
  return keys.map(({ key, value, lease }) => `${key} = "${value.toString('latin1')}"${lease ? ', leased' : ''}`);
}

/** A node as it is named there. */
function nodeOf(host: string): string {
  return `${DIRECTORY}/dubbo%3A%2F%2F${host}%3A1%2Fcom.acme.Users%3Fside%3Dprovider`;
}

/** `String.hashCode()` of Java, which is what its directories and persistent nodes hold. */
function javaHash(text: string): string {
  return String([...text].reduce((hash, character) => (Math.imul(31, hash) + character.charCodeAt(0)) | 0, 0));
}

describe('what we write', () => {
  const SAID = 'category=providers&interface=com.acme.Users&pid=7&release=r&side=provider&timestamp=8';
  const NAME = `dubbo%3A%2F%2F10.0.0.5%3A20880%2Fcom.acme.Users%3F${encodeURIComponent(SAID)}`;

  it('is, byte by byte, a key for each directory and one, with a lease, for the provider', async () => {
    const provider = await stage.connect();
    const url = `dubbo://10.0.0.5:20880/com.acme.Users?${SAID}`;
    const registration = provider.register(url);
    expect(await registration.registered()).toBe(`${DIRECTORY}/${NAME}`);
    expect(written(await raw.range('/'))).toEqual([
      '/dubbo = ""',
      '/dubbo/com.acme.Users = ""',
      '/dubbo/com.acme.Users/providers = ""',
      `/dubbo/com.acme.Users/providers/${NAME} = "", leased`,
    ]);
    registration.unsubscribe();
    await eventually(async () => expect(await raw.range(`${DIRECTORY}/`)).toEqual([]));
    // As of Java and dubbo-go: directories are for good.
    expect(await raw.range('/')).toHaveLength(3);
  });

  it('is below the path of the address and the group that it names, and nothing of a consumer that only listens', async () => {
    const revision = await raw.revision();
    const consumer = await stage.connect({ chroot: '/team/a', parameters: 'group=shop' });
    const view = consumer.consume({ interface: 'com.acme.Users' });
    consumer.consume({ interface: '*' });
    await eventually(() => expect(view.sizes).toEqual([0]));
    expect(await raw.revision()).toBe(revision);
    await consumer.register('consumer://10.0.0.9/com.acme.Users?pid=7&release=r&timestamp=8').registered();
    expect(written(await raw.range('/'))).toEqual([
      '/team = ""',
      '/team/a = ""',
      '/team/a/shop = ""',
      '/team/a/shop/com.acme.Users = ""',
      '/team/a/shop/com.acme.Users/consumers = ""',
      expect.stringMatching(
        /^\/team\/a\/shop\/com\.acme\.Users\/consumers\/consumer%3A%2F%2F10\.0\.0\.9%2F.* = "", leased$/,
      ),
    ]);
  });

  it('has no lease where it is to stay, and goes when it is taken back', async () => {
    const provider = await stage.connect();
    const registration = provider.register('dubbo://10.0.0.5:20880/com.acme.Users?dynamic=false');
    const path = await registration.registered();
    expect(await raw.get(path)).toMatchObject({ lease: undefined, value: Buffer.alloc(0) });
    registration.unsubscribe();
    await eventually(async () => expect(await raw.get(path)).toBeUndefined());
  });

  it('is found as Java and dubbo-go look for it', async () => {
    const provider = await stage.connect();
    const path = await provider.register('dubbo://10.0.0.5:20880/com.acme.Users').registered();
    await raw.put('/dubbo/com.acme.Users/providersX/other');
    // Java: no slash at the end of the prefix, and then exactly one after it.
    const java = (await raw.range(DIRECTORY)).filter(({ key }) => {
      const rest = key.slice(DIRECTORY.length);
      return rest.startsWith('/') && rest.lastIndexOf('/') === 0;
    });
    const go = await raw.range(`${DIRECTORY}/`);
    for (const found of [java, go]) expect(found.map(({ key }) => key)).toEqual([path]);
  });

  it('leaves what others have written into the directories as it is', async () => {
    const directories = ['/dubbo', '/dubbo/com.acme.Users', DIRECTORY];
    for (const directory of directories) await raw.put(directory, javaHash(directory));
    const before = await Promise.all(directories.map((directory) => raw.get(directory)));
    const provider = await stage.connect();
    await provider.register('dubbo://10.0.0.5:20880/com.acme.Users').registered();
    expect(await Promise.all(directories.map((directory) => raw.get(directory)))).toEqual(before);
  });
});

describe('what others write', () => {
  it('is read whatever its value is, and with or without a lease', async () => {
    const { id } = await raw.grant(60);
    const directories = ['/dubbo', '/dubbo/com.acme.Users', DIRECTORY];
    for (const directory of directories) await raw.put(directory, javaHash(directory));
    // Java: the decimal id of its lease, or a hash; dubbo-go: nothing, with a lease and, in former times, without.
    await raw.put(nodeOf('java'), BigInt(`0x${id}`).toString(), { lease: id });
    await raw.put(nodeOf('javaForGood'), javaHash(nodeOf('javaForGood')));
    await raw.put(nodeOf('go'), '', { lease: id });
    await raw.put(nodeOf('oldGo'));
    await raw.put(nodeOf('odd'), Buffer.from([0, 255, 1]));
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: 'com.acme.Users' });
    const all = consumer.consume({ interface: '*' });
    const everybody = ['go:1', 'java:1', 'javaForGood:1', 'odd:1', 'oldGo:1'];
    await eventually(() => expect([view.addresses, all.addresses]).toEqual([everybody, everybody]));
    // Written to again, moved to another lease or to none, it is still the same one.
    const other = await raw.grant(60);
    for (const how of [{ lease: other.id }, {}])
      for (const host of ['java', 'go']) await raw.put(nodeOf(host), 'again', how);
    await raw.revoke(id);
    await raw.put(nodeOf('last'));
    await eventually(() => expect(view.addresses).toContain('last:1'));
    expect(view.told).toEqual([...view.told.slice(0, 5).sort(), 'add last:1']);
    expect(view.told.slice(0, 5).sort()).toEqual(everybody.map((address) => `add ${address}`));
    expect(consumer.warnings).toEqual([]);
    await raw.revoke(other.id);
  });

  it('is no node if it is a directory, deeper, or beside the directory; come or go', async () => {
    const strange = [
      '/dubbo/com.acme.Users/providers',
      '/dubbo/com.acme.Users/providers/',
      '/dubbo/com.acme.Users/providers//',
      '/dubbo/com.acme.Users/providers/dubbo%3A%2F%2Fdeep%3A1%2Fcom.acme.Users/leaf',
      '/dubbo/com.acme.Users/providersX',
      '/dubbo/com.acme.Users/providersX/dubbo%3A%2F%2Fbeside%3A1%2Fcom.acme.Users',
      '/dubbo/com.acme.Users/providers0',
      '/dubbo/com.acme.Users2/providers/dubbo%3A%2F%2Fother%3A1%2Fcom.acme.Users2',
      'dubbo/com.acme.Users/providers/dubbo%3A%2F%2Fbare%3A1%2Fcom.acme.Users',
    ];
    for (const key of strange) await raw.put(key, 'x');
    await raw.put(nodeOf('real'));
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: 'com.acme.Users' });
    await eventually(() => expect(view.addresses).toEqual(['real:1']));
    for (const key of strange) await raw.delete(key);
    for (const key of strange) await raw.put(key, 'y');
    await raw.transact({ delete: strange });
    await raw.put(nodeOf('last'));
    await eventually(() => expect(view.addresses).toEqual(['last:1', 'real:1']));
    expect(view.told).toEqual(['add real:1', 'add last:1']);
    expect(view.sizes).toEqual([1, 2]);
    expect(consumer.warnings).toEqual([]);
  });

  it('is seen where nobody has written the directories', async () => {
    const consumer = await stage.connect();
    const view = consumer.consume({ interface: 'com.acme.Users' });
    await eventually(() => expect(view.sizes).toEqual([0]));
    await raw.put(nodeOf('a'));
    await eventually(() => expect(view.told).toEqual(['add a:1']));
    const provider = await stage.connect();
    await provider.register('dubbo://b:1/com.acme.Users').registered();
    await eventually(() => expect(view.told).toEqual(['add a:1', 'add b:1']));
    expect(await raw.get(DIRECTORY)).toBeDefined();
  });
});

describe('what others do to ours', () => {
  it('no vanish, no flap, no ghost: a key that somebody puts without its lease is taken back, and goes with us', async () => {
    const provider = await stage.connect();
    const consumer = await stage.connect();
    const registration = provider.register('dubbo://a:1/com.acme.Users');
    const path = await registration.registered();
    const view = consumer.consume({ interface: 'com.acme.Users' });
    await eventually(() => expect(view.told).toEqual(['add a:1']));
    // As `etcdctl put` does, which takes the key off its lease: nobody lives behind it, and it would outlive us.
    await raw.put(path, 'by hand');
    const session = await provider.connected();
    await eventually(async () => expect(await belongsTo(server, path, session)).toBe(true));
    expect(view.told).toEqual(['add a:1']);
    await raw.delete(path);
    await eventually(async () => expect(await belongsTo(server, path, session)).toBe(true));
    await registration.registered();
    // Written to and left on its lease, it is ours all along.
    const { length } = registration.states;
    await raw.overwrite(path, 'by hand');
    await throughout(200, () => expect(registration.states).toHaveLength(length));
    await provider.registry.close();
    expect(await raw.get(path)).toBeUndefined();
    await eventually(() => expect(view.addresses).toEqual([]));
  });
});
