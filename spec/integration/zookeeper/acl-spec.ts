import { createHash } from 'node:crypto';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createRegistry, InvalidOptionError, whileConnected } from '../../../lib/index.js';
import { zookeeper, type ZooKeeperOptions } from '../../../lib/backends/zookeeper/index.js';
import { Stage } from '../../support/scenario/stage.js';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { eventually } from '../../support/servers/eventually.js';
import { connectRawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper } from '../../support/servers/zookeeperServer.js';

const USER = { username: 'app', password: 's3cret' };
const refused = { name: 'NO_AUTH' };

/** Of the user and the password. */
const DIGEST = createHash('sha1').update(`${USER.username}:${USER.password}`).digest('base64');

describe('who may touch what is made', () => {
  it('is those of one user, with a user in the address', async () => {
    await using server = await startZooKeeperRegistry();
    const stage = new Stage(server);
    const owner = await stage.connect({ user: 'shop:s%3Acret@' });
    const registration = owner.register('dubbo://a:1/acl.Guarded');
    const path = await registration.registered();
    const raw = await server.raw();
    await expect(raw.data(path)).rejects.toMatchObject(refused);
    await expect(raw.remove(path)).rejects.toMatchObject(refused);
    await expect(raw.create(`${path}-forged`)).rejects.toMatchObject(refused);
    await expect(raw.children('/dubbo')).rejects.toMatchObject(refused);

    const friend = await stage.connect({ user: 'shop:s%3Acret@' });
    const view = friend.consume({ interface: 'acl.Guarded' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));

    for (const user of ['', 'shop:wrong@', 'other:s%3Acret@']) {
      const stranger = await stage.connect({ user });
      const refusedOne = stranger.register('dubbo://b:1/acl.Guarded');
      const denied = stranger.consume({ interface: 'acl.Guarded' });
      await eventually(() => expect(refusedOne.error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
      await eventually(() => expect(denied.error).toMatchObject({ code: 'NOT_AUTHORIZED' }));
    }
    registration.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));
    await stage.clear();
  });

  it('is everybody, its creator alone, or whom a list of your own names', async () => {
    await using server = await startZooKeeper();
    const stranger = await connectRawZooKeeper(server.port);
    const made = async (path: string, options: ZooKeeperOptions): Promise<string> => {
      await using registry = createRegistry(zookeeper(server.address, { sessionTimeoutMs: 4_000, ...options }));
      await firstValueFrom(registry.states.pipe(whileConnected((session) => session.create(path))));
      await firstValueFrom(registry.states.pipe(whileConnected((session) => session.write(path, Buffer.from('ours')))));
      return path;
    };

    const open = await made('/acl-open', { ...USER, acl: 'open' });
    await stranger.setData(open, Buffer.from('theirs'));

    const creator = await made('/acl-creator', USER);
    await expect(stranger.data(creator)).rejects.toMatchObject(refused);

    const acl = [
      { scheme: 'world', id: 'anyone', permissions: 1 },
      { scheme: 'auth', id: '', permissions: 31 },
    ];
    const listed = await made('/acl-listed', { ...USER, acl });
    expect(String(await stranger.data(listed))).toBe('ours');
    await expect(stranger.setData(listed, Buffer.from('theirs'))).rejects.toMatchObject(refused);
    await stranger.close();
  });

  it.each([
    { acl: [] },
    { acl: [{ scheme: 'world', id: 'anyone', permissions: 32 }] },
    { acl: [{ scheme: '', id: '', permissions: 1 }] },
    // Nobody would tell such a client that its own nodes are gone.
    { acl: [{ scheme: 'world', id: 'anyone', permissions: 30 }] },
    { acl: [{ scheme: 'auth', id: '', permissions: 31 }] },
    { ...USER, acl: [{ scheme: 'auth', id: '', permissions: 30 }] },
    { ...USER, acl: [{ scheme: 'digest', id: 'app:RLT2BXUIEjWKsIZ5oHHgEt8y7Qo=', permissions: 31 }] },
    { ...USER, acl: [{ scheme: 'digest', id: `other:${DIGEST}`, permissions: 31 }] },
  ])('is refused at once as %j', (options) => {
    expect(() => zookeeper('127.0.0.1:1', options)).toThrow(InvalidOptionError);
  });

  it.each([
    { acl: [{ scheme: 'ip', id: '127.0.0.1', permissions: 31 }] },
    {
      ...USER,
      acl: [
        { scheme: 'world', id: 'anyone', permissions: 4 },
        { scheme: 'digest', id: `app:${DIGEST}`, permissions: 31 },
      ],
    },
  ])('may be anybody as long as the client itself can be meant, as in %j', async (options) => {
    await using server = await startZooKeeper();
    await using registry = createRegistry(zookeeper(server.address, { sessionTimeoutMs: 4_000, ...options }));
    const { url } = await registry.provide('dubbo://a:1/acl.Own');
    expect((await registry.lookup({ interface: 'acl.Own' })).size).toBe(1);
    expect(url.host).toBe('a');
  });
});
