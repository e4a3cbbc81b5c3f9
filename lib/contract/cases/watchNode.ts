import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { assertAbove, assertMatches } from '../assertions.js';
import { eventually } from '../eventually.js';
import { settled } from '../settled.js';
import { type ContractStage, cases } from '../contractCase.js';
import { ask, bytes, Recorder, text } from '../probe.js';

/** What the port promises of watchNode. */
export const watchNode = cases('watchNode', {
  'tells an absent node, its coming, writing, going and coming again': async ({ server, base, join }) => {
    const { session } = await join();
    using seen = new Recorder(session.watchNode(`${base}/a`));
    const told = (value: string | undefined) =>
      eventually(() => {
        assertAbove(seen.values.length, 0);
        assert.equal(text(seen.last?.data), value);
      });
    await told(undefined);
    await server.create(`${base}/a`, 'created');
    await told('created');
    await server.write(`${base}/a`, 'written');
    await told('written');
    await server.remove(`${base}/a`);
    await told(undefined);
    await server.create(`${base}/a`, 'again');
    await told('again');
    await ask(session.remove(`${base}/a`));
    await told(undefined);
    await ask(session.create(`${base}/a`, { ephemeral: true }));
    await told('');
    assertMatches(seen.last, { path: `${base}/a`, owner: session.id });
    assert.equal(seen.error, undefined);
  },

  'tells an existing node first as it is': async ({ base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a`, { ephemeral: true, data: bytes('x') }));
    const first = await firstValueFrom(session.watchNode(`${base}/a`));
    assertMatches(first, { path: node.path, owner: session.id, version: node.version });
    assert.equal(text(first?.data), 'x');
  },

  ...Object.fromEntries(
    ['stands', 'was written to', 'has gone', 'has gone and come back', 'goes later'].map((what) => [
      `tells a node that is known as it is, where it ${what}`,
      async ({ server, base, join }: ContractStage) => {
        const { session } = await join();
        const made = await Promise.all(
          ['a', 'b', 'c'].map((name) => ask(session.create(`${base}/${name}`, { ephemeral: true, data: bytes('x') }))),
        );
        const known = made[1]!;
        if (what === 'was written to') await server.write(known.path, 'y');
        if (what.startsWith('has gone')) await server.remove(known.path);
        if (what.endsWith('come back')) await server.create(known.path, 'z');
        const watches = made.map((node) => new Recorder(session.watchNode(node.path, node)));
        const [before, seen, after] = watches as [(typeof watches)[0], (typeof watches)[0], (typeof watches)[0]];
        await eventually(() => watches.every(({ values }) => values.length > 0));
        if (what === 'goes later') {
          assert.equal(seen.values.length, 1);
          await server.remove(known.path);
        }
        const expected = { stands: 'x', 'was written to': 'y', 'has gone and come back': 'z' }[what];
        await eventually(() => assert.equal(text(seen.last?.data), expected));
        if (what === 'stands') {
          assertMatches(seen.last, { path: known.path, owner: session.id, version: known.version });
          await server.write(known.path, 'later');
          await eventually(() => assert.equal(text(seen.last?.data), 'later'));
        }
        for (const { values } of [before, after])
          assert.deepEqual(
            values.map((node) => text(node?.data)),
            ['x'],
          );
        for (const watch of watches) watch.stop();
      },
    ]),
  ),

  'is released on the server also where the node was known, and where it is left before it is set': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    const before = await settled(() => server.watches());
    const made = await Promise.all(
      ['a', 'b'].map((name) => ask(session.create(`${base}/${name}`, { ephemeral: true }))),
    );
    const [watch, left] = made.map((node) => new Recorder(session.watchNode(node.path, node))) as [
      Recorder<unknown>,
      Recorder<unknown>,
    ];
    left.stop();
    await eventually(() => watch.values.length === 1);
    watch.stop();
    await eventually(async () => assert.equal(await server.watches(), before));
  },

  'ends at the last of many changes': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(`${base}/a`);
    using seen = new Recorder(session.watchNode(`${base}/a`));
    for (let change = 1; change <= 300; change += 1) void server.write(`${base}/a`, `${change}`);
    await eventually(() => assert.equal(text(seen.last?.data), '300'));
    const versions = seen.values.map((node) => node!.version);
    assert.deepEqual(
      versions,
      [...versions].sort((one, other) => Number(one - other)),
    );
  },

  'is not moved by children or neighbours': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(`${base}/a`, 'x');
    using seen = new Recorder(session.watchNode(`${base}/a`));
    await eventually(() => seen.values.length === 1);
    await server.create(`${base}/a/child`);
    await server.create(`${base}/aa`);
    await server.write(`${base}/a`, 'y');
    await eventually(() => assert.equal(text(seen.last?.data), 'y'));
    assert.equal(seen.values.length, 2);
  },

  'is for each its own: one who leaves takes nothing from the other': async ({ server, base, join }) => {
    const { session } = await join();
    const leaving = new Recorder(session.watchNode(`${base}/a`));
    using staying = new Recorder(session.watchNode(`${base}/a`));
    await eventually(() => leaving.values.length === 1 && staying.values.length === 1);
    leaving.stop();
    await server.create(`${base}/a`, 'x');
    await eventually(() => assert.equal(text(staying.last?.data), 'x'));
    assert.equal(leaving.values.length, 1);
  },

  'is released on the server by unsubscribing': async ({ server, base, join }) => {
    const { session } = await join();
    const before = await settled(() => server.watches());
    await server.create(`${base}/there`);
    const watches = ['there', 'absent'].map((name) => new Recorder(session.watchNode(`${base}/${name}`)));
    await eventually(() => watches.every((watch) => watch.values.length === 1));
    assertAbove(await server.watches(), before);
    for (const watch of watches) watch.stop();
    await eventually(async () => assert.equal(await server.watches(), before));
  },
});
