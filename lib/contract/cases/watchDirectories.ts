import assert from 'node:assert/strict';
import { Subject } from 'rxjs';
import type { DirectoryChange, DirectoryEvent, DirectorySetChange, Session } from '../../port/index.js';
import { assertAbove, assertMatches } from '../assertions.js';
import { eventually } from '../eventually.js';
import { settled } from '../settled.js';
import { cases } from '../contractCase.js';
import { ask, foldDirectory, Recorder } from '../probe.js';

/** Follows a set of directories, and keeps apart what is told of each. */
class Watched implements Disposable {
  readonly #changes = new Subject<DirectorySetChange>();
  readonly #recorder: Recorder<DirectoryEvent>;

  constructor(session: Session, first?: DirectorySetChange) {
    this.#recorder = new Recorder(session.watchDirectories(this.#changes));
    if (first) this.set(first);
  }

  set(change: DirectorySetChange): void {
    this.#changes.next(change);
  }

  complete(): void {
    this.#changes.complete();
  }

  fail(error: unknown): void {
    this.#changes.error(error);
  }

  get error(): unknown {
    return this.#recorder.error;
  }

  get events(): readonly DirectoryEvent[] {
    return this.#recorder.values;
  }

  changesOf(path: string): readonly DirectoryChange[] {
    return this.events.flatMap((event) => (event.path === path && 'change' in event ? [event.change] : []));
  }

  errorsOf(path: string): readonly unknown[] {
    return this.events.flatMap((event) => (event.path === path && 'error' in event ? [event.error] : []));
  }

  async told(path: string, ...names: string[]): Promise<void> {
    await eventually(() => {
      assertAbove(this.changesOf(path).length, 0);
      assert.deepEqual(foldDirectory(this.changesOf(path)).names, names);
    });
  }

  stop(): void {
    this.#recorder.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** What the port promises of watchDirectories. */
export const watchDirectories = cases('watchDirectories', {
  'tells each directory as watchDirectory does, absent ones too, and those that are added later': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    await server.create(`${base}/a/1`);
    using seen = new Watched(session, { add: [`${base}/a`, `${base}/b`] });
    await seen.told(`${base}/a`, '1');
    await seen.told(`${base}/b`);
    await server.create(`${base}/b/2`);
    await server.create(`${base}/a/3`);
    await seen.told(`${base}/a`, '1', '3');
    await seen.told(`${base}/b`, '2');
    await server.create(`${base}/c/4`);
    seen.set({ add: [`${base}/c`] });
    await seen.told(`${base}/c`, '4');
    await server.remove(`${base}/a/1`);
    await server.removeTree(`${base}/b`);
    await seen.told(`${base}/a`, '3');
    await seen.told(`${base}/b`);
    await seen.told(`${base}/c`, '4');
    assert.equal(seen.error, undefined);
  },

  'tells nothing of a directory that was removed, also before its first snapshot, and all of one that is added again':
    async ({ server, base, join }) => {
      const { session } = await join();
      await server.create(`${base}/a/1`);
      using seen = new Watched(session, { add: [`${base}/a`, `${base}/b`] });
      await seen.told(`${base}/a`, '1');
      await seen.told(`${base}/b`);
      seen.set({ add: [`${base}/never`] });
      seen.set({ remove: [`${base}/never`, `${base}/a`] });
      const before = seen.changesOf(`${base}/a`).length;
      await server.create(`${base}/a/2`);
      await server.create(`${base}/never/1`);
      await server.create(`${base}/b/1`);
      await seen.told(`${base}/b`, '1');
      assert.equal(seen.changesOf(`${base}/a`).length, before);
      assert.deepEqual(seen.changesOf(`${base}/never`), []);
      seen.set({ add: [`${base}/a`] });
      await eventually(() =>
        assert.deepEqual(foldDirectory(seen.changesOf(`${base}/a`).slice(before)).names, ['1', '2']),
      );
    },

  'leaves what is watched already as it is, and watches anew what is removed and added in one change': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    await server.create(`${base}/a/1`);
    using seen = new Watched(session, { add: [`${base}/a`, `${base}/a`] });
    await seen.told(`${base}/a`, '1');
    seen.set({ add: [`${base}/a`, `${base}/b`], remove: [`${base}/unknown`] });
    await seen.told(`${base}/b`);
    assert.equal(seen.changesOf(`${base}/a`).length, 1);
    seen.set({ remove: [`${base}/a`], add: [`${base}/a`] });
    await eventually(() => assert.equal(seen.changesOf(`${base}/a`).length, 2));
    assert.deepEqual(seen.changesOf(`${base}/a`), Array(2).fill({ type: 'snapshot', names: ['1'] }));
  },

  'isolation: a directory that cannot be watched is told with its error, and the others go on': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    using seen = new Watched(session, { add: [`${base}/a`, 'relative', `${base}/b`] });
    await seen.told(`${base}/a`);
    await seen.told(`${base}/b`);
    assertMatches(seen.errorsOf('relative'), [{ code: 'INVALID_PATH' }]);
    await server.create(`${base}/a/1`);
    await server.create(`${base}/b/1`);
    await seen.told(`${base}/a`, '1');
    await seen.told(`${base}/b`, '1');
    // It has left the set, so it can be added again.
    seen.set({ add: ['relative'] });
    await eventually(() => assert.equal(seen.errorsOf('relative').length, 2));
    assert.equal(seen.error, undefined);
  },

  'goes on when the changes have completed, and errors with them': async ({ server, base, join }) => {
    const { session } = await join();
    using seen = new Watched(session, { add: [`${base}/a`] });
    seen.complete();
    await seen.told(`${base}/a`);
    await server.create(`${base}/a/1`);
    await seen.told(`${base}/a`, '1');
    using failing = new Watched(session, { add: [`${base}/a`] });
    await failing.told(`${base}/a`, '1');
    failing.fail(new Error('enough'));
    assert.equal(String(failing.error), 'Error: enough');
  },

  'no missed removal: watches a directory and those below it, whichever is added and removed first': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    const below = numbers(5).map((index) => `${base}/s${index}/providers`);
    for (const path of below) await server.create(`${path}/1`);
    const services = numbers(5).map((index) => `s${index}`);
    using seen = new Watched(session, { add: [below[0]!] });
    await seen.told(below[0]!, '1');
    seen.set({ add: [base], implied: true });
    await seen.told(base, ...services);
    seen.set({ add: below });
    for (const path of below) await seen.told(path, '1');
    for (const path of below) await server.create(`${path}/2`);
    for (const path of below) await seen.told(path, '1', '2');
    // Removals while the watches change hands.
    const writing = (async () => {
      for (const path of below) await server.remove(`${path}/1`);
      for (const path of below) await server.create(`${path}/3`);
    })();
    await eventually(() => assert.equal(foldDirectory(seen.changesOf(below[0]!)).gone.size, 1));
    seen.set({ remove: [base] });
    await writing;
    for (const path of below) await seen.told(path, '2', '3');
    const before = seen.changesOf(base).length;
    seen.set({ add: [base], remove: below.slice(0, 2), implied: true });
    await eventually(() => assertAbove(seen.changesOf(base).length, before));
    await server.create(`${base}/s9/providers/1`);
    await seen.told(base, ...services, 's9');
    await server.remove(`${below[3]!}/2`);
    await seen.told(below[3]!, '3');
  },

  'legal events: converges for every directory while others write and the set changes': async ({ base, join }) => {
    const [writer, observer] = [await join(), await join()];
    const paths = numbers(12).map((index) => `${base}/s${index}/d`);
    using seen = new Watched(observer.session, { add: [base], implied: true });
    const writes = paths.map(async (path, index) => {
      for (let round = 0; round < 12; round += 1) {
        await ask(writer.session.create(`${path}/${round}`, { ephemeral: true }));
        if (round >= 4) await ask(writer.session.remove(`${path}/${round - 4}`));
        if (round === index) seen.set({ add: [path] });
        if (index % 3 === 0 && round === 11) seen.set({ remove: [base] });
      }
    });
    await Promise.all(writes);
    for (const path of paths) await seen.told(path, '10', '11', '8', '9');
  },

  'is released on the server: by removing directories, by unsubscribing, and what is left before it is set': async ({
    server,
    base,
    join,
  }) => {
    const { session } = await join();
    const before = await settled(() => server.watches());
    const paths = numbers(20).map((index) => `${base}/${index}`);
    for (const path of paths.slice(0, 10)) await server.create(`${path}/child`);
    const seen = new Watched(session, { add: paths });
    await eventually(() =>
      assert.equal(
        paths.every((path) => seen.changesOf(path).length > 0),
        true,
      ),
    );
    assertAbove(await server.watches(), before);
    seen.set({ remove: paths });
    await eventually(async () => assert.equal(await server.watches(), before));
    seen.set({ add: paths });
    seen.set({ remove: paths.slice(5) });
    await eventually(() => assert.equal(seen.changesOf(paths[0]!).length, 2));
    seen.set({ add: paths, remove: paths.slice(0, 3) });
    seen.stop();
    await ask(session.list('/'));
    await eventually(async () => assert.equal(await server.watches(), before));
  },
});
