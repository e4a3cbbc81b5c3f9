import assert from 'node:assert/strict';
import { NEVER, type Observable } from 'rxjs';
import { assertIncludes, assertMatches } from '../assertions.js';
import { eventually } from '../eventually.js';
import { type ContractStage, cases } from '../contractCase.js';
import { ask, bytes, foldDirectory, Recorder, refusalOf, SOON_MS } from '../probe.js';

/** What the port promises of a session. */
export const sessions = cases('a session', {
  'has an id of its own and the negotiated timeout': async ({ server, join }) => {
    const [one, other] = [await join(server.longTimeoutMs), await join(server.shortTimeoutMs)];
    assert.notEqual(one.session.id, other.session.id);
    assert.equal(one.session.timeoutMs, server.longTimeoutMs);
    assert.equal(other.session.timeoutMs, server.shortTimeoutMs);
  },

  'carries each operation out once for each subscription, and none without': async ({ base, join }) => {
    const { session } = await join();
    const create = session.create(`${base}/n-`, { sequential: true });
    assert.deepEqual(await ask(session.list(base)), []);
    const [first, second] = [await ask(create), await ask(create)];
    assert.notEqual(first.path, second.path);
    assert.equal((await ask(session.list(base))).length, 2);
  },

  'emits one value from an operation and completes': async ({ base, join }) => {
    const { session } = await join();
    const told = async (operation: Observable<unknown>): Promise<number> => {
      let values = 0;
      await new Promise<void>((resolve, reject) =>
        operation.subscribe({ next: () => (values += 1), complete: resolve, error: reject }),
      );
      return values;
    };
    assert.equal(await told(session.makeDirectory(`${base}/deep/er`)), 1);
    assert.equal(await told(session.makeDirectory(`${base}/deep/er`)), 1);
    assert.equal(await told(session.makeDirectory('/')), 1);
    assert.equal(await told(session.create(`${base}/node`)), 1);
    assert.equal(await told(session.takeOver(await ask(session.create(`${base}/other`)))), 1);
    assert.equal(await told(session.read(`${base}/none`)), 1);
    assert.equal(await told(session.sync()), 1);
    assert.equal(await told(session.list(`${base}/none`)), 1);
    assert.equal(await told(session.write(`${base}/node`, bytes('x'))), 1);
    assert.equal(await told(session.remove(`${base}/none`)), 1);
    assert.equal(await told(session.remove(`${base}/node`)), 1);
  },

  'reads what another session was told that it is there, after sync': async ({ base, join }) => {
    const [one, other] = [await join(), await join()];
    for (let round = 0; round < 5; round++) {
      await ask(one.session.create(`${base}/synced-${round}`));
      await ask(other.session.sync());
      assertIncludes(await ask(other.session.list(base)), `synced-${round}`);
    }
  },

  'does not take back what was sent when unsubscribed': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(base);
    session.create(`${base}/sent`).subscribe().unsubscribe();
    await ask(session.list('/'));
    await eventually(async () => (await server.read(`${base}/sent`)) !== undefined);
  },

  'says CONNECTION_LOST to whatever is asked while it has no connection': async ({ server, base, join }) => {
    const { client, probe, session } = await join();
    const node = await ask(session.create(`${base}/node`));
    client.cut(session);
    await probe.reaches('suspended');
    const operations = [
      session.makeDirectory(`${base}/d`),
      session.create(`${base}/c`),
      session.takeOver(node),
      session.read(`${base}/node`),
      session.list(base),
      session.write(`${base}/node`, bytes('x')),
      session.remove(`${base}/node`),
      session.watchNode(`${base}/node`),
      session.watchDirectory(base),
      session.watchDirectories(NEVER),
    ];
    for (const operation of operations) assert.equal(await refusalOf(operation), 'CONNECTION_LOST');
    assertMatches(await server.read(`${base}/node`), { data: '' });
  },

  'fails what is under way when the connection breaks': async ({ server, base, join }) => {
    const { client, probe, session } = await join(server.shortTimeoutMs);
    const from = probe.trace.length - 1;
    client.blackHole(session);
    const answers = [session.read('/'), session.list('/'), session.create(`${base}/x`)].map((operation) =>
      refusalOf(operation),
    );
    await probe.reaches('suspended', from);
    assert.deepEqual(
      await Promise.all(answers),
      answers.map(() => 'CONNECTION_LOST'),
    );
  },

  'errors every watch when the connection breaks, rather than leaving it deaf': async ({ base, join }) => {
    const { client, session } = await join();
    const node = new Recorder(session.watchNode(`${base}/node`));
    const directory = new Recorder(session.watchDirectory(base));
    await eventually(() => node.values.length === 1 && directory.values.length === 1);
    client.cut(session);
    await eventually(() => {
      assertMatches(node.error, { code: 'CONNECTION_LOST' });
      assertMatches(directory.error, { code: 'CONNECTION_LOST' });
    });
  },

  ...Object.fromEntries(
    [
      'relative',
      '',
      '/trailing/',
      '//double',
      '/dotted/../path',
      '/dotted/.',
      '/control\u0000',
      '/control\u001f/x',
      '/surrogate\ud800',
      '/private\uf8ff',
    ].map((path) => [
      `refuses the path ${JSON.stringify(path)} at once, without asking the server`,
      async ({ join }: ContractStage) => {
        const { session } = await join();
        const node = { path, data: bytes(''), owner: undefined, version: 1n };
        const operations: Observable<unknown>[] = [
          session.makeDirectory(path),
          session.create(path),
          session.takeOver(node),
          session.read(path),
          session.list(path),
          session.write(path, bytes('')),
          session.remove(path),
          session.watchNode(path),
          session.watchDirectory(path),
        ];
        for (const operation of operations) {
          // Nothing that was sent can be answered before subscribe() returns.
          let error: unknown;
          operation.subscribe({ error: (reason: unknown) => (error = reason) });
          assertMatches(error, { name: 'RegistryError', code: 'INVALID_PATH' });
        }
      },
    ]),
  ),

  'refuses an invalid path for what it is also while there is no connection': async ({ join }) => {
    const { client, probe, session } = await join();
    client.cut(session);
    await probe.reaches('suspended');
    assert.equal(await refusalOf(session.read('relative')), 'INVALID_PATH');
    assert.equal(await refusalOf(session.watchNode('relative')), 'INVALID_PATH');
  },

  'never lets its nodes outlive it': async ({ server, base, join }) => {
    const [owner, observer] = [await join(), await join()];
    const paths = Array.from({ length: 50 }, (_, index) => `${base}/n${index}`);
    await Promise.all(paths.map((path) => ask(owner.session.create(path, { ephemeral: true }))));
    const seen = new Recorder(observer.session.watchDirectory(base));
    await eventually(() => foldDirectory(seen.values).names.length === 50);
    await server.expire(owner.session);
    await eventually(() => foldDirectory(seen.values).names.length === 0, { withinMs: SOON_MS });
  },
});
