import fc from 'fast-check';
import { Observable, type Subscriber } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Page } from '../../../lib/backends/etcd/client.js';
import type { RangeReader } from '../../../lib/backends/etcd/directoryWatch.js';
import { DirectoryWatches } from '../../../lib/backends/etcd/directoryWatches.js';
import { PageSize } from '../../../lib/backends/etcd/pageSize.js';
import { CompactedError } from '../../../lib/backends/etcd/errors.js';
import type { KeyEvent, WatchAnswer, WatchRequest } from '../../../lib/backends/etcd/watchStream.js';
import { RegistryError } from '../../../lib/errors.js';
import type { DirectoryChange, DirectoryEvent } from '../../../lib/port/index.js';

const DIRECTORIES = ['/r', '/r/a/p', '/r/b/p', '/r/a', '/r/b/p/deep'];
const KEYS = ['/r/a/p/1', '/r/a/p/2', '/r/a/q/1', '/r/b/p/1', '/r/b/p/2', '/r/b/p/deep/1', '/r/c', '/r2/x'];
const IMPLIED = '/r';

type Step =
  | { readonly kind: 'toggle'; readonly key: string }
  | { readonly kind: 'watch' | 'leave' | 'anew'; readonly paths: readonly string[] }
  /** The store answers the request that has waited longest, or delivers what a watch has to tell. */
  | { readonly kind: 'answer' | 'deliver' }
  | { readonly kind: 'compact' | 'rest' };

const paths = fc.subarray(DIRECTORIES, { minLength: 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('toggle' as const), key: fc.constantFrom(...KEYS) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('watch' as const, 'leave' as const, 'anew' as const), paths }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constantFrom('answer' as const, 'deliver' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('compact' as const, 'rest' as const) }) },
  ),
  { maxLength: 60, size: 'max' },
);

describe('DirectoryWatches', () => {
  it('no missed removal, legal events: every directory ends at the truth, however watches cover and leave each other', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const world = new World();
        for (const step of all) world.take(step);
        world.rest();
        expect(world.flaws).toEqual([]);
        for (const path of world.watched) expect([path, world.namesTold(path)]).toEqual([path, world.namesIn(path)]);
        world.take({ kind: 'leave', paths: DIRECTORIES });
        expect(world.store.watches).toBe(0);
      }),
      { numRuns: 1_500 },
    );
  });

  it('bounded load: sets one watch for a directory and all below it, and lists each once', () => {
    const world = new World();
    world.take({ kind: 'watch', paths: ['/r'] });
    world.rest();
    const below = Array.from({ length: 500 }, (_, index) => `/r/s${index}/providers`);
    world.take({ kind: 'watch', paths: below });
    world.rest();
    for (const path of below) world.take({ kind: 'toggle', key: `${path}/1` });
    world.rest();
    for (const path of below) expect(world.namesTold(path)).toEqual(['1']);
    expect(world.store).toMatchObject({ watches: 1, lists: 501 });
    // They go on with a watch of their own each, without being listed again.
    world.take({ kind: 'leave', paths: ['/r'] });
    for (const path of below) world.take({ kind: 'toggle', key: `${path}/1` });
    world.rest();
    for (const path of below) expect(world.namesTold(path)).toEqual([]);
    expect(world.store).toMatchObject({ watches: 500, lists: 501 });
    expect(world.flaws).toEqual([]);
  });

  it('isolation: whoever may not read a directory may read those below it, were it by watches of their own', () => {
    const world = new World();
    world.take({ kind: 'watch', paths: ['/r', '/r/a/p', '/r/b/p'] });
    world.store.denied = ['/r', '/r/b/p'];
    world.rest();
    expect(world.errors.sort()).toEqual(['/r NOT_AUTHORIZED', '/r/b/p NOT_AUTHORIZED']);
    world.take({ kind: 'toggle', key: '/r/a/p/1' });
    world.rest();
    expect(world.namesTold('/r/a/p')).toEqual(['1']);
    expect(world.store.watches).toBe(1);
  });

  it('isolation: falls back to single watches where the right to the whole is taken away', () => {
    const world = new World();
    world.take({ kind: 'watch', paths: ['/r', '/r/a/p', '/r/b/p'] });
    world.rest();
    world.store.denied = ['/r'];
    // Its history is gone, so it has to be listed again.
    world.take({ kind: 'toggle', key: '/r/a/p/1' });
    world.take({ kind: 'compact' });
    world.rest();
    world.take({ kind: 'toggle', key: '/r/b/p/2' });
    world.rest();
    expect(world.errors).toEqual(['/r NOT_AUTHORIZED']);
    expect([world.namesTold('/r/a/p'), world.namesTold('/r/b/p')]).toEqual([['1'], ['2']]);
    expect(world.store.watches).toBe(2);
    expect(world.flaws).toEqual([]);
  });

  it('completes whoever waits for a revision once all directories are told of it, or not watched any more', () => {
    const world = new World();
    world.take({ kind: 'watch', paths: ['/r', '/r/a/p', '/r/b/p'] });
    world.take({ kind: 'toggle', key: '/r/a/p/1' });
    const completed: string[] = [];
    for (const path of ['/r/a/p', '/r/b/p', '/r/none']) {
      world.watches.reached(path, 1n).subscribe({ complete: () => completed.push(path) });
    }
    expect(completed).toEqual(['/r/none']);
    world.rest();
    expect([...completed].sort()).toEqual(['/r/a/p', '/r/b/p', '/r/none']);
    world.watches.reached('/r/a/p', 99n).subscribe({ complete: () => completed.push('left') });
    world.take({ kind: 'leave', paths: ['/r', '/r/a/p'] });
    expect(completed.at(-1)).toBe('left');
  });
});

/** A consumer that believes what it is told. */
class World {
  readonly store = new Store();
  readonly watches: DirectoryWatches;
  readonly watched = new Set<string>();
  readonly errors: string[] = [];
  readonly flaws: string[] = [];
  readonly #told = new Map<string, Set<string>>();

  constructor() {
    const sink = { next: (event: DirectoryEvent) => this.#hear(event) } as Subscriber<DirectoryEvent>;
    const { store } = this;
    this.watches = new DirectoryWatches(
      {
        client: store.reader,
        stream: { watch: (request) => store.watch(request) },
        pageSize: new PageSize({ most: 2, fastMs: 100, slowMs: 1_000 }),
        fullPath: (path) => path,
      },
      sink,
    );
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'toggle':
        return this.store.toggle(step.key);
      case 'answer':
        return this.store.answer();
      case 'deliver':
        return this.store.deliver();
      case 'compact':
        return this.store.compact();
      case 'rest':
        return this.rest();
      case 'watch':
        for (const path of step.paths) this.watched.add(path);
        this.#change({ add: step.paths });
        break;
      case 'leave':
        for (const path of step.paths) this.#forget(path);
        this.#change({ remove: step.paths });
        break;
      case 'anew':
        for (const path of step.paths) {
          this.#forget(path);
          this.watched.add(path);
        }
        this.#change({ add: step.paths, remove: step.paths });
    }
  }

  rest(): void {
    for (let round = 0; round < 10_000 && this.store.isBusy; round += 1) {
      this.store.answer();
      this.store.deliver();
    }
    if (this.store.isBusy) this.flaws.push('it does not come to rest');
  }

  namesTold(path: string): string[] {
    return [...(this.#told.get(path) ?? ['nothing was told'])].sort();
  }

  namesIn(path: string): string[] {
    const names = this.store.keys
      .filter((key) => key.startsWith(`${path}/`))
      .map((key) => key.slice(path.length + 1).split('/'))
      .filter((parts) => parts.length === 1 || path === IMPLIED)
      .map(([name]) => name!);
    return [...new Set(names)].sort();
  }

  #forget(path: string): void {
    this.watched.delete(path);
    this.#told.delete(path);
  }

  #change({ add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] }): void {
    const isImplied = (path: string): boolean => path === IMPLIED;
    this.watches.change({ remove, add: add.filter(isImplied), implied: true });
    this.watches.change({ add: add.filter((path) => !isImplied(path)) });
  }

  #hear(event: DirectoryEvent): void {
    const { path } = event;
    if (!this.watched.has(path)) return void this.flaws.push(`${path} was left`);
    if ('change' in event) return this.#fold(path, event.change);
    this.watched.delete(path);
    this.errors.push(`${path} ${(event.error as RegistryError).code}`);
  }

  #fold(path: string, change: DirectoryChange): void {
    if (change.type === 'snapshot') return void this.#told.set(path, new Set(change.names));
    const names = this.#told.get(path);
    if (!names) return void this.flaws.push(`${path}: a delta before the snapshot`);
    for (const name of change.removed) if (!names.delete(name)) this.flaws.push(`${path}: ${name} was not there`);
    for (const name of change.added) {
      if (names.has(name)) this.flaws.push(`${path}: ${name} was there`);
      names.add(name);
    }
  }
}

interface StoreWatch {
  readonly request: WatchRequest;
  readonly subscriber: Subscriber<WatchAnswer>;
  /** The first revision that was not delivered. */
  next: bigint;
}

/** A store with a history, whose answers and events come when a spec says so. */
class Store {
  /** The directories that may not be read. */
  denied: readonly string[] = [];
  lists = 0;
  #revision = 0n;
  #compacted = 0n;
  readonly #history: KeyEvent[] = [];
  readonly #requests: (() => void)[] = [];
  readonly #watches = new Set<StoreWatch>();

  readonly reader: RangeReader = {
    range: ({ key, to, limit = Infinity, revision }) =>
      new Observable<Page>((subscriber) => {
        const answer = (): void => {
          if (subscriber.closed) return;
          if (this.#isDenied(key)) return subscriber.error(new RegistryError('NOT_AUTHORIZED', 'denied'));
          if (revision !== undefined && revision < this.#compacted) {
            return subscriber.error(new CompactedError('SERVER_ERROR', 'compacted'));
          }
          if (revision === undefined) this.lists += 1;
          const at = revision ?? this.#revision;
          const found = this.#keysAt(at).filter((each) => key.compare(each) <= 0 && to!.compare(each) > 0);
          const keys = found
            .slice(0, limit)
            .map((each) => this.#history.findLast(({ state }) => state.key.equals(each))!.state);
          subscriber.next({ keys, revision: this.#revision, more: found.length > limit });
          subscriber.complete();
        };
        this.#requests.push(answer);
      }),
  };

  get watches(): number {
    return this.#watches.size;
  }

  get isBusy(): boolean {
    return this.#requests.length > 0 || [...this.#watches].some(({ next }) => next <= this.#revision);
  }

  get keys(): string[] {
    return this.#keysAt(this.#revision).map(String);
  }

  watch(request: WatchRequest): Observable<WatchAnswer> {
    return new Observable((subscriber) => {
      const watch: StoreWatch = { request, subscriber, next: request.from };
      this.#requests.push(() => {
        if (subscriber.closed) return;
        if (request.from <= this.#compacted) return subscriber.error(new CompactedError('SERVER_ERROR', 'compacted'));
        this.#watches.add(watch);
        subscriber.next({ type: 'created', revision: this.#revision });
      });
      return () => this.#watches.delete(watch);
    });
  }

  toggle(key: string): void {
    this.#revision += 1n;
    const isThere = this.keys.includes(key);
    this.#history.push({
      type: isThere ? 'delete' : 'put',
      state: {
        ...{ key: Buffer.from(key), value: Buffer.alloc(0), revision: this.#revision, madeAt: this.#revision },
        ...{ writes: isThere ? 0n : 1n, lease: '0' },
      },
    });
  }

  /** Forgets all history; watches that lag behind are canceled. */
  compact(): void {
    this.#compacted = this.#revision;
    for (const watch of [...this.#watches]) {
      if (watch.next > this.#compacted) continue;
      this.#watches.delete(watch);
      watch.subscriber.error(new CompactedError('SERVER_ERROR', 'compacted'));
    }
  }

  answer(): void {
    this.#requests.shift()?.();
  }

  /** Delivers to the watch that lags behind most; a watch has all of a revision at once, and perhaps several. */
  deliver(): void {
    const [watch] = [...this.#watches].sort((one, other) => Number(one.next - other.next));
    if (!watch || watch.next > this.#revision) return;
    const { request, subscriber, next } = watch;
    watch.next = this.#revision + 1n;
    const events = this.#history.filter(
      ({ state }) =>
        state.revision >= next && request.key.compare(state.key) <= 0 && request.to!.compare(state.key) > 0,
    );
    if (events.length > 0) subscriber.next({ type: 'events', events });
  }

  #isDenied(key: Buffer): boolean {
    return this.denied.some((path) => key.toString() === `${path}/`);
  }

  #keysAt(revision: bigint): Buffer[] {
    const keys = new Map<string, Buffer>();
    for (const { type, state } of this.#history) {
      if (state.revision > revision) break;
      if (type === 'put') keys.set(String(state.key), state.key);
      else keys.delete(String(state.key));
    }
    return [...keys.values()].sort((one, other) => one.compare(other));
  }
}
