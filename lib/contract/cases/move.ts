import assert from 'node:assert/strict';
import { assertMatches } from '../assertions.js';
import { eventually } from '../eventually.js';
import { cases } from '../contractCase.js';
import { ask, bytes, foldDirectory, Recorder, refusalOf } from '../probe.js';

/** What the port promises of move. */
export const move = cases('move', {
  'removes a node and makes another in the directory, and nobody who watches ever sees neither': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    const other = await join();
    const from = await ask(session.create(`${base}/a`, { ephemeral: true, data: bytes('x') }));
    using seen = new Recorder(other.session.watchDirectory(base));
    await eventually(() => assert.equal(seen.values.length, 1));
    const moved = await ask(session.move(from, `${base}/b`, { ephemeral: true, data: bytes('y') }));
    assertMatches(moved, { path: `${base}/b`, owner: session.id });
    assert.equal(await server.read(`${base}/a`), undefined);
    assertMatches(await ask(session.read(`${base}/b`)), { owner: session.id, version: moved.version });
    assertMatches(await server.read(`${base}/b`), { data: 'y' });
    await eventually(() => assert.deepEqual(foldDirectory(seen.values).names, ['b']));
    for (const [index] of seen.values.entries()) {
      assert.notDeepEqual(foldDirectory(seen.values.slice(0, index + 1)).names, [], 'never neither');
    }
    assert.equal(await ask(session.remove(`${base}/b`, { owner: session.id })), true);
  },

  'changes nothing where it fails: CONFLICT for what is not as it was read, NODE_EXISTS for what is there': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    const from = await ask(session.create(`${base}/a`, { ephemeral: true }));
    await server.create(`${base}/b`, 'there');
    assert.equal(await refusalOf(session.move(from, `${base}/b`)), 'NODE_EXISTS');
    assert.equal(await refusalOf(session.move(from, `${base}/a`)), 'CONFLICT');
    assert.equal(await refusalOf(session.move(from, `${base}/d/c`)), 'CONFLICT');
    await server.write(`${base}/a`, 'written');
    assert.equal(await refusalOf(session.move(from, `${base}/c`)), 'CONFLICT');
    await server.remove(`${base}/a`);
    assert.equal(await refusalOf(session.move(from, `${base}/c`)), 'CONFLICT');
    assertMatches(await server.read(`${base}/b`), { data: 'there' });
    assert.deepEqual(await ask(session.list(base)), ['b']);
  },

  'goes on from node to node, however fast': async ({ base, join }) => {
    const { session } = await join();
    let node = await ask(session.create(`${base}/0`, { ephemeral: true }));
    for (let index = 1; index <= 10; index += 1) {
      node = await ask(session.move(node, `${base}/${index}`, { ephemeral: true }));
    }
    assert.deepEqual(await ask(session.list(base)), ['10']);
  },
});
