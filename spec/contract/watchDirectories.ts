import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { DirectoryChange, DirectoryEvent, DirectorySetChange, Session } from '../../lib/port/index.js';
import { settled } from '../support/scenario/settled.js';
import { eventually } from '../support/servers/eventually.js';
import { ask, foldDirectory, Recorder } from './probe.js';
import type { World } from './world.js';

/** What the specs of one operation need of the contract that they are a part of. */
export interface ContractStage {
  readonly world: World;
  /** A directory of this spec's own. */
  readonly base: string;
  readonly join: () => Promise<{ readonly session: Session }>;
}

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
      expect(this.changesOf(path).length).toBeGreaterThan(0);
      expect(foldDirectory(this.changesOf(path)).names).toEqual(names);
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

/** What `Session.watchDirectories` promises. */
export function describeWatchDirectories(stage: () => ContractStage): void {
  describe('watchDirectories', () => {
    it('tells each directory as watchDirectory does, absent ones too, and those that are added later', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      await world.create(`${base}/a/1`);
      using seen = new Watched(session, { add: [`${base}/a`, `${base}/b`] });
      await seen.told(`${base}/a`, '1');
      await seen.told(`${base}/b`);
      await world.create(`${base}/b/2`);
      await world.create(`${base}/a/3`);
      await seen.told(`${base}/a`, '1', '3');
      await seen.told(`${base}/b`, '2');
      await world.create(`${base}/c/4`);
      seen.set({ add: [`${base}/c`] });
      await seen.told(`${base}/c`, '4');
      await world.remove(`${base}/a/1`);
      await world.removeTree(`${base}/b`);
      await seen.told(`${base}/a`, '3');
      await seen.told(`${base}/b`);
      await seen.told(`${base}/c`, '4');
      expect(seen.error).toBeUndefined();
    });

    it('tells nothing of a directory that was removed, also before its first snapshot, and all of one that is added again', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      await world.create(`${base}/a/1`);
      using seen = new Watched(session, { add: [`${base}/a`, `${base}/b`] });
      await seen.told(`${base}/a`, '1');
      await seen.told(`${base}/b`);
      seen.set({ add: [`${base}/never`] });
      seen.set({ remove: [`${base}/never`, `${base}/a`] });
      const before = seen.changesOf(`${base}/a`).length;
      await world.create(`${base}/a/2`);
      await world.create(`${base}/never/1`);
      await world.create(`${base}/b/1`);
      await seen.told(`${base}/b`, '1');
      expect(seen.changesOf(`${base}/a`)).toHaveLength(before);
      expect(seen.changesOf(`${base}/never`)).toEqual([]);
      seen.set({ add: [`${base}/a`] });
      await eventually(() =>
        expect(foldDirectory(seen.changesOf(`${base}/a`).slice(before)).names).toEqual(['1', '2']),
      );
    });

    it('leaves what is watched already as it is, and watches anew what is removed and added in one change', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      await world.create(`${base}/a/1`);
      using seen = new Watched(session, { add: [`${base}/a`, `${base}/a`] });
      await seen.told(`${base}/a`, '1');
      seen.set({ add: [`${base}/a`, `${base}/b`], remove: [`${base}/unknown`] });
      await seen.told(`${base}/b`);
      expect(seen.changesOf(`${base}/a`)).toHaveLength(1);
      seen.set({ remove: [`${base}/a`], add: [`${base}/a`] });
      await eventually(() => expect(seen.changesOf(`${base}/a`)).toHaveLength(2));
      expect(seen.changesOf(`${base}/a`)).toEqual(Array(2).fill({ type: 'snapshot', names: ['1'] }));
    });

    it('isolation: a directory that cannot be watched is told with its error, and the others go on', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      using seen = new Watched(session, { add: [`${base}/a`, 'relative', `${base}/b`] });
      await seen.told(`${base}/a`);
      await seen.told(`${base}/b`);
      expect(seen.errorsOf('relative')).toMatchObject([{ code: 'INVALID_PATH' }]);
      await world.create(`${base}/a/1`);
      await world.create(`${base}/b/1`);
      await seen.told(`${base}/a`, '1');
      await seen.told(`${base}/b`, '1');
      // It has left the set, so it can be added again.
      seen.set({ add: ['relative'] });
      await eventually(() => expect(seen.errorsOf('relative')).toHaveLength(2));
      expect(seen.error).toBeUndefined();
    });

    it('goes on when the changes have completed, and errors with them', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      using seen = new Watched(session, { add: [`${base}/a`] });
      seen.complete();
      await seen.told(`${base}/a`);
      await world.create(`${base}/a/1`);
      await seen.told(`${base}/a`, '1');
      using failing = new Watched(session, { add: [`${base}/a`] });
      await failing.told(`${base}/a`, '1');
      failing.fail(new Error('enough'));
      expect(String(failing.error)).toBe('Error: enough');
    });

    it('no missed removal: watches a directory and those below it, whichever is added and removed first', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      const below = numbers(5).map((index) => `${base}/s${index}/providers`);
      for (const path of below) await world.create(`${path}/1`);
      const services = numbers(5).map((index) => `s${index}`);
      using seen = new Watched(session, { add: [below[0]!] });
      await seen.told(below[0]!, '1');
      seen.set({ add: [base], implied: true });
      await seen.told(base, ...services);
      seen.set({ add: below });
      for (const path of below) await seen.told(path, '1');
      for (const path of below) await world.create(`${path}/2`);
      for (const path of below) await seen.told(path, '1', '2');
      // Removals while the watches change hands.
      const writing = (async () => {
        for (const path of below) await world.remove(`${path}/1`);
        for (const path of below) await world.create(`${path}/3`);
      })();
      await eventually(() => expect(foldDirectory(seen.changesOf(below[0]!)).gone.size).toBe(1));
      seen.set({ remove: [base] });
      await writing;
      for (const path of below) await seen.told(path, '2', '3');
      const before = seen.changesOf(base).length;
      seen.set({ add: [base], remove: below.slice(0, 2), implied: true });
      await eventually(() => expect(seen.changesOf(base).length).toBeGreaterThan(before));
      await world.create(`${base}/s9/providers/1`);
      await seen.told(base, ...services, 's9');
      await world.remove(`${below[3]!}/2`);
      await seen.told(below[3]!, '3');
    });

    it('legal events: converges for every directory while others write and the set changes', async () => {
      const { base, join } = stage();
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
    });

    it('is released on the server: by removing directories, by unsubscribing, and what is left before it is set', async () => {
      const { world, base, join } = stage();
      const { session } = await join();
      const before = await settled(() => world.watches());
      const paths = numbers(20).map((index) => `${base}/${index}`);
      for (const path of paths.slice(0, 10)) await world.create(`${path}/child`);
      const seen = new Watched(session, { add: paths });
      await eventually(() => expect(paths.every((path) => seen.changesOf(path).length > 0)).toBe(true));
      expect(await world.watches()).toBeGreaterThan(before);
      seen.set({ remove: paths });
      await eventually(async () => expect(await world.watches()).toBe(before));
      seen.set({ add: paths });
      seen.set({ remove: paths.slice(5) });
      await eventually(() => expect(seen.changesOf(paths[0]!)).toHaveLength(2));
      seen.set({ add: paths, remove: paths.slice(0, 3) });
      seen.stop();
      await ask(session.list('/'));
      await eventually(async () => expect(await world.watches()).toBe(before));
    });
  });
}
