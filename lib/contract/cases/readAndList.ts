import assert from 'node:assert/strict';
import { assertAbove, assertIncludes, assertMatches } from '../assertions.js';
import { cases } from '../contractCase.js';
import { ask, text } from '../probe.js';

/** What the port promises of read and list. */
export const readAndList = cases('read and list', {
  'say that there is nothing where there is nothing': async ({ server, base, join }) => {
    const { session } = await join();
    assert.equal(await ask(session.read(`${base}/none`)), undefined);
    assert.deepEqual(await ask(session.list(`${base}/none`)), []);
    await server.create(`${base}/leaf`);
    assert.deepEqual(await ask(session.list(`${base}/leaf`)), []);
  },

  'see what others did': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(`${base}/a`, 'one');
    await server.create(`${base}/b`);
    const first = await ask(session.read(`${base}/a`));
    assert.equal(text(first?.data), 'one');
    assert.deepEqual([...(await ask(session.list(base)))].sort(), ['a', 'b']);
    await server.write(`${base}/a`, 'two');
    const second = await ask(session.read(`${base}/a`));
    assert.equal(text(second?.data), 'two');
    assertAbove(second!.version, first!.version);
  },

  'know the root': async ({ base, join }) => {
    const { session } = await join();
    await ask(session.makeDirectory(base));
    assertIncludes(await ask(session.list('/')), base.slice(1));
    assertMatches(await ask(session.read('/')), { path: '/', owner: undefined });
  },

  'list names, each once and without their paths': async ({ base, join }) => {
    const { session } = await join();
    const names = Array.from({ length: 300 }, (_, index) => `name-${index}`);
    await Promise.all(names.map((name) => ask(session.create(`${base}/${name}/below`))));
    assert.deepEqual([...(await ask(session.list(base)))].sort(), [...names].sort());
  },
});
