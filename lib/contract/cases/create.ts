import assert from 'node:assert/strict';
import { assertMatches } from '../assertions.js';
import { cases } from '../contractCase.js';
import { ask, bytes, refusalOf, text } from '../probe.js';

/** What the port promises of create. */
export const create = cases('create', {
  'makes a node with its content, and the directories above it': async ({ server, base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a/b`, { data: bytes('héllo') }));
    assertMatches(node, { path: `${base}/a/b`, owner: undefined });
    assert.equal(text(node.data), 'héllo');
    assert.deepEqual(await server.read(`${base}/a/b`), { data: 'héllo', owner: undefined });
    const read = await ask(session.read(`${base}/a/b`));
    assertMatches(read, { path: node.path, owner: undefined, version: node.version });
    assert.equal(text(read?.data), 'héllo');
  },

  'makes an empty node where no content is given': async ({ base, join }) => {
    const { session } = await join();
    assert.equal(text((await ask(session.create(`${base}/a`))).data), '');
    assert.equal(text((await ask(session.read(`${base}/a`)))?.data), '');
  },

  'keeps every byte': async ({ base, join }) => {
    const { session } = await join();
    const data = Uint8Array.from({ length: 256 }, (_, index) => index);
    await ask(session.create(`${base}/a`, { data }));
    assert.deepEqual([...(await ask(session.read(`${base}/a`)))!.data], [...data]);
  },

  'keeps the content as it was, whatever becomes of the array it came in or went out by': async ({ base, join }) => {
    const { session } = await join();
    const data = Buffer.from('before');
    await ask(session.create(`${base}/a`, { data }));
    data.fill(0);
    const read = await ask(session.read(`${base}/a`));
    assert.equal(text(read?.data), 'before');
    read!.data.fill(0);
    assert.equal(text((await ask(session.read(`${base}/a`)))?.data), 'before');
  },

  'takes names of every script, with spaces, percents and dots inside': async ({ base, join }) => {
    const { session } = await join();
    const names = ['con espacio', '%2F%zz', '...', '日本語', 'a.b', ":@!$&'()*+,;=?#[]", 'x'.repeat(250)];
    for (const name of names) await ask(session.create(`${base}/${name}`));
    assert.deepEqual([...(await ask(session.list(base)))].sort(), [...names].sort());
  },

  'makes an ephemeral node the property of the session': async ({ server, base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/mine`, { ephemeral: true, data: bytes('d') }));
    assert.equal(node.owner, session.id);
    assert.deepEqual(await server.read(`${base}/mine`), { data: 'd', owner: session.id });
    assertMatches(await ask(session.read(`${base}/mine`)), { owner: session.id, version: node.version });
    assertMatches(await server.read(base), { owner: undefined });
  },

  'appends ten digits that rise': async ({ server, base, join }) => {
    const { session } = await join();
    const other = await join();
    const paths: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const by = round % 2 ? other.session : session;
      paths.push((await ask(by.create(`${base}/n-`, { sequential: true, ephemeral: round % 3 === 0 }))).path);
      if (round === 3) await ask(session.remove(paths[3]!));
    }
    for (const path of paths) assert.match(path, /\/n-\d{10}$/);
    assert.deepEqual(paths, [...paths].sort());
    assert.equal(new Set(paths).size, 6);
    assert.deepEqual(await server.read(paths[5]!), { data: '', owner: undefined });
    assertMatches(await server.read(paths[0]!), { owner: session.id });
  },

  'says NODE_EXISTS where there is one, of whoever, and leaves it alone': async ({ base, join }) => {
    const [one, other] = [await join(), await join()];
    const node = await ask(one.session.create(`${base}/a`, { ephemeral: true, data: bytes('one') }));
    assert.equal(await refusalOf(other.session.create(`${base}/a`, { data: bytes('two') })), 'NODE_EXISTS');
    assert.equal(await refusalOf(one.session.create(`${base}/a`, { data: bytes('two') })), 'NODE_EXISTS');
    assertMatches(await ask(one.session.read(`${base}/a`)), { owner: node.owner, version: node.version });
    assert.equal(await refusalOf(one.session.create('/')), 'NODE_EXISTS');
  },

  'says CONFLICT below an ephemeral node, at any depth, and leaves no trace there': async ({ server, base, join }) => {
    const { probe, session } = await join();
    await ask(session.create(`${base}/mine`, { ephemeral: true }));
    assert.equal(await refusalOf(session.create(`${base}/mine/child`)), 'CONFLICT');
    assert.equal(await refusalOf(session.create(`${base}/mine/deep/child`)), 'CONFLICT');
    assert.equal(await refusalOf(session.makeDirectory(`${base}/mine/deep/child`)), 'CONFLICT');
    assert.deepEqual(await ask(session.list(`${base}/mine`)), []);
    await probe.backend.close();
    assert.equal(await server.read(`${base}/mine`), undefined);
  },

  'makes many nodes of a new directory at once': async ({ base, join }) => {
    const { session } = await join();
    const paths = Array.from({ length: 1_000 }, (_, index) => `${base}/deep/er/${index}`);
    const nodes = await Promise.all(paths.map((path) => ask(session.create(path, { ephemeral: true }))));
    assert.deepEqual(
      nodes.map((node) => node.path),
      paths,
    );
    // They may come in one transaction, and then with one version; a later write is above all of them.
    const last = await ask(session.write(paths[0]!, bytes('later')));
    assert.equal(
      nodes.every((node) => node.version < last.version),
      true,
    );
    assert.equal((await ask(session.list(`${base}/deep/er`))).length, 1_000);
  },
});
