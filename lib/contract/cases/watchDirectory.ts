import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { assertAbove, assertAtMost } from '../assertions.js';
import { eventually } from '../eventually.js';
import { settled } from '../settled.js';
import { cases } from '../contractCase.js';
import { ask, foldDirectory, Recorder } from '../probe.js';

/** What the port promises of watchDirectory. */
export const watchDirectory = cases('watchDirectory', {
  'tells the children there are first, and then what comes and goes': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(`${base}/a`);
    await server.create(`${base}/b`);
    using seen = new Recorder(session.watchDirectory(base));
    const told = (...names: string[]) =>
      eventually(() => {
        assertAbove(seen.values.length, 0);
        assert.deepEqual(foldDirectory(seen.values).names, names);
      });
    await told('a', 'b');
    assert.equal(seen.values.length, 1);
    await server.create(`${base}/c`);
    await told('a', 'b', 'c');
    await server.remove(`${base}/a`);
    await told('b', 'c');
    const mine = await ask(session.create(`${base}/d`, { ephemeral: true }));
    await told('b', 'c', 'd');
    await ask(session.remove(mine.path, { owner: session.id }));
    await told('b', 'c');
  },

  'tells an absent directory as empty, and its coming, going and coming again': async ({ server, base, join }) => {
    const { session } = await join();
    using seen = new Recorder(session.watchDirectory(`${base}/dir`));
    const told = (...names: string[]) =>
      eventually(() => {
        assertAbove(seen.values.length, 0);
        assert.deepEqual(foldDirectory(seen.values).names, names);
      });
    await told();
    await server.create(`${base}/dir`);
    await server.create(`${base}/dir/a`);
    await told('a');
    await server.removeTree(base);
    await told();
    await server.create(`${base}/dir/b`);
    await told('b');
    await server.removeTree(`${base}/dir`);
    await server.create(`${base}/dir/c`);
    await server.create(`${base}/dir/d`);
    await told('c', 'd');
    assert.equal(seen.error, undefined);
  },

  'converges in a burst of changes': async ({ base, join }) => {
    const [writer, observer] = [await join(), await join()];
    await ask(writer.session.makeDirectory(base));
    using seen = new Recorder(observer.session.watchDirectory(base));
    await eventually(() => seen.values.length === 1);
    const changes: Promise<unknown>[] = [];
    for (let index = 0; index < 350; index += 1) {
      changes.push(ask(writer.session.create(`${base}/${index}`, { ephemeral: true })));
      if (index >= 100 && index < 250) changes.push(ask(writer.session.remove(`${base}/${index - 100}`)));
    }
    await Promise.all(changes);
    const remaining = [...(await ask(writer.session.list(base)))].sort();
    assert.equal(remaining.length, 200);
    await eventually(() => assert.deepEqual(foldDirectory(seen.values).names, remaining));
  },

  'tells nobody of grandchildren and of content': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(`${base}/a`);
    using seen = new Recorder(session.watchDirectory(base));
    await eventually(() => seen.values.length === 1);
    await server.create(`${base}/a/grandchild`);
    await server.write(`${base}/a`, 'x');
    await server.create(`${base}/b`);
    await eventually(() => assert.deepEqual(foldDirectory(seen.values).names, ['a', 'b']));
    assert.equal(seen.values.length, 2);
  },

  'is for each its own: one who leaves takes nothing from the other': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(`${base}/a`);
    const leaving = new Recorder(session.watchDirectory(base));
    using staying = new Recorder(session.watchDirectory(base));
    await eventually(() => leaving.values.length === 1 && staying.values.length === 1);
    leaving.stop();
    await server.create(`${base}/b`);
    await eventually(() => assert.deepEqual(foldDirectory(staying.values).names, ['a', 'b']));
    assert.equal(leaving.values.length, 1);
  },

  'can be left from within, at the first value': async ({ server, base, join }) => {
    const { session } = await join();
    const before = await settled(() => server.watches());
    await server.create(`${base}/a`);
    assert.deepEqual(await firstValueFrom(session.watchDirectory(base)), { type: 'snapshot', names: ['a'] });
    await eventually(async () => assert.equal(await server.watches(), before));
  },

  'is released on the server by unsubscribing, also before the first value came': async ({ server, base, join }) => {
    const { session } = await join();
    const before = await settled(() => server.watches());
    await server.create(`${base}/there/child`);
    const watches = ['there', 'absent'].map((name) => new Recorder(session.watchDirectory(`${base}/${name}`)));
    await eventually(() => watches.every((watch) => watch.values.length === 1));
    assertAbove(await server.watches(), before);
    for (const watch of watches) watch.stop();
    for (const name of ['there', 'absent']) session.watchDirectory(`${base}/${name}`).subscribe().unsubscribe();
    await ask(session.list('/'));
    await eventually(async () => assert.equal(await server.watches(), before));
  },

  'leaves no more watches than there are watchers, however much has changed': async ({ server, base, join }) => {
    const { session } = await join();
    await server.create(base);
    using seen = new Recorder(session.watchDirectory(base));
    await eventually(() => seen.values.length === 1);
    // A server may count one watch more than once.
    const one = await settled(() => server.watches());
    for (let index = 0; index < 50; index += 1) await server.create(`${base}/${index}`);
    await eventually(() => assert.equal(foldDirectory(seen.values).names.length, 50));
    assertAtMost(await settled(() => server.watches()), one);
  },
});
