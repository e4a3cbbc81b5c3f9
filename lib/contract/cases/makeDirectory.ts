import assert from 'node:assert/strict';
import { cases } from '../contractCase.js';
import { ask, bytes, text } from '../probe.js';

/** What the port promises of makeDirectory. */
export const makeDirectory = cases('makeDirectory', {
  'makes a persistent directory and its parents': async ({ server, base, join }) => {
    const { probe, session } = await join();
    await ask(session.makeDirectory(`${base}/a/b/c`));
    await probe.backend.close();
    assert.deepEqual(await server.read(`${base}/a/b/c`), { data: '', owner: undefined });
    assert.deepEqual(await server.read(`${base}/a`), { data: '', owner: undefined });
  },

  'leaves alone what exists': async ({ base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a`, { data: bytes('kept') }));
    await ask(session.makeDirectory(`${base}/a`));
    await ask(session.makeDirectory('/'));
    assert.equal(text((await ask(session.read(`${base}/a`)))?.data), 'kept');
    assert.equal((await ask(session.read(`${base}/a`)))?.version, node.version);
  },

  'may be asked of many directories under one missing parent at once': async ({ base, join }) => {
    const { session } = await join();
    const paths = Array.from({ length: 200 }, (_, index) => `${base}/a/b/${index % 100}/c`);
    await Promise.all(paths.map((path) => ask(session.makeDirectory(path))));
    assert.equal((await ask(session.list(`${base}/a/b`))).length, 100);
  },

  'makes it anew when somebody has removed it': async ({ server, base, join }) => {
    const { session } = await join();
    await ask(session.makeDirectory(`${base}/a/b`));
    await server.removeTree(base);
    await ask(session.makeDirectory(`${base}/a/b`));
    assert.notEqual(await server.read(`${base}/a/b`), undefined);
  },
});
