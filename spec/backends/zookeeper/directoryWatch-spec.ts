import fc from 'fast-check';
import { concat, NEVER, Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type DirectoryClient, directoryByName } from '../../../lib/backends/zookeeper/directoryWatch.js';
import type { NodeEvent } from '../../../lib/backends/zookeeper/treeWatches.js';
import type { NodeStat } from '../../../lib/backends/zookeeper/wire.js';
import { RegistryError } from '../../../lib/errors.js';
import type { DirectoryChange } from '../../../lib/port/index.js';

type Step =
  | { readonly kind: 'toggle' | 'takeOver'; readonly name: string; readonly isHidden: boolean }
  | { readonly kind: 'toggleDirectory' | 'serve' | 'deliver' }
  | { readonly kind: 'rest' };

const name = fc.constantFrom('a', 'b', 'c');
const steps = (isHidden: fc.Arbitrary<boolean>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('toggle' as const), name, isHidden }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('takeOver' as const), name, isHidden }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('toggleDirectory' as const) }) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('serve' as const, 'deliver' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('rest' as const) }) },
    ),
    { maxLength: 40, size: 'max' },
  );

async function play(all: readonly Step[]): Promise<World> {
  const world = new World();
  for (const step of all) {
    if (step.kind === 'rest') await world.rest();
    else world.take(step);
    await microtasks();
  }
  await world.rest();
  return world;
}

describe('a directory that is watched by name', () => {
  it('no missed removal, no flap, legal events: ends at the truth, whatever the server withholds', async () => {
    await fc.assert(
      fc.asyncProperty(steps(fc.boolean()), async (all) => {
        const world = await play(all);
        expect([...world.told].sort()).toEqual(world.names);
        expect(world.flaws).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('bounded load: is read once, and whenever the directory itself comes or goes, where nothing is withheld', async () => {
    await fc.assert(
      fc.asyncProperty(steps(fc.constant(false)), async (all) => {
        const world = await play(all);
        expect([...world.told].sort()).toEqual(world.names);
        expect(world.flaws).toEqual([]);
        expect(world.isWithheld).toBe(false);
        expect(world.reads).toBeLessThanOrEqual(1 + 2 * all.filter(({ kind }) => kind === 'toggleDirectory').length);
      }),
      { numRuns: 500 },
    );
  });

  it('costs no request any more once all is told', async () => {
    const world = await play([{ kind: 'toggle', name: 'a', isHidden: false }]);
    const { requests } = world;
    await world.rest();
    expect(world.requests).toBe(requests);
    world.take({ kind: 'toggle', name: 'b', isHidden: false });
    await world.rest();
    // One to set the watch again, one to see that nothing was withheld.
    expect(world.requests).toBe(requests + 2);
  });

  it('releases its watches', async () => {
    const world = await play([]);
    world.leave();
    await world.rest();
    expect(world.watches).toEqual([]);
  });
});

async function microtasks(): Promise<void> {
  for (let round = 0; round < 12; round += 1) await Promise.resolve();
}

/** A server, a client of it on whose connection everything comes in order, and a consumer that believes what it is told. */
class World {
  readonly told = new Set<string>();
  readonly flaws: string[] = [];
  isWithheld = false;
  reads = 0;
  requests = 0;
  /** By name: whether the client may not read it. `undefined` if there is no directory. */
  #children: Map<string, boolean> | undefined = new Map();
  #transactions = 1;
  #madeBy = 1n;
  #childChanges = 0;
  readonly #toServer: (() => void)[] = [];
  readonly #toClient: (() => void)[] = [];
  #listener: ((event: NodeEvent) => void) | undefined;
  #childWatch: (() => void) | undefined;
  #isChildWatchSet = false;
  /** How often each was truly removed and not replaced in the same transaction. */
  readonly #removals = new Map<string, number>();
  readonly #subscription;

  constructor() {
    this.#subscription = directoryByName(this.#client(), '/d').subscribe({
      next: (change) => this.#hear(change),
      error: (error: unknown) => this.flaws.push(`it failed: ${String(error)}`),
    });
  }

  get names(): string[] {
    return [...(this.#children?.keys() ?? [])].sort();
  }

  get watches(): string[] {
    return [...(this.#listener ? ['tree'] : []), ...(this.#isChildWatchSet ? ['children'] : [])];
  }

  leave(): void {
    this.#subscription.unsubscribe();
  }

  take(step: Exclude<Step, { kind: 'rest' }>): void {
    if (step.kind === 'serve') this.#toServer.shift()?.();
    else if (step.kind === 'deliver') this.#toClient.shift()?.();
    else if (step.kind === 'toggleDirectory') this.#toggleDirectory();
    else if (!this.#children) return;
    else if (step.kind === 'takeOver' && this.#children.has(step.name)) {
      this.#remove(step.name);
      this.#create(step.name, step.isHidden);
    } else if (step.kind === 'toggle') {
      if (this.#children.has(step.name)) {
        this.#removals.set(step.name, (this.#removals.get(step.name) ?? 0) + 1);
        this.#remove(step.name);
      } else this.#create(step.name, step.isHidden);
    }
  }

  async rest(): Promise<void> {
    await microtasks();
    for (let round = 0; round < 200 && this.#toServer.length + this.#toClient.length > 0; round += 1) {
      this.take({ kind: 'serve' });
      this.take({ kind: 'deliver' });
      await microtasks();
    }
    if (this.#toServer.length + this.#toClient.length > 0) this.flaws.push('it does not come to rest');
  }

  #create(name: string, isHidden: boolean): void {
    this.#children!.set(name, isHidden);
    this.#childChanged({ type: 'created', path: `/d/${name}` }, isHidden);
  }

  #remove(name: string): void {
    const isHidden = this.#children!.get(name)!;
    this.#children!.delete(name);
    this.#childChanged({ type: 'deleted', path: `/d/${name}` }, isHidden);
  }

  #childChanged(event: NodeEvent, isHidden: boolean): void {
    this.#transactions += 1;
    this.#childChanges += 1;
    if (!isHidden) this.#event(event);
    this.#fireChildWatch();
  }

  #toggleDirectory(): void {
    if (this.#children) {
      if (this.#children.size > 0) return;
      this.#children = undefined;
      this.#event({ type: 'deleted', path: '/d' });
      this.#fireChildWatch();
    } else {
      this.#children = new Map();
      this.#madeBy = BigInt((this.#transactions += 1));
      this.#childChanges = 0;
      this.#event({ type: 'created', path: '/d' });
    }
  }

  #event(event: NodeEvent): void {
    if (this.#listener) this.#toClient.push(() => this.#listener?.(event));
  }

  #fireChildWatch(): void {
    if (!this.#isChildWatchSet) return;
    this.#isChildWatchSet = false;
    this.#toClient.push(() => {
      const fired = this.#childWatch;
      this.#childWatch = undefined;
      fired?.();
    });
  }

  #stat(): NodeStat | undefined {
    const [madeBy, childChanges] = [this.#madeBy, this.#childChanges];
    return this.#children && { owner: undefined, zxid: madeBy, madeBy, dataVersion: 0, childChanges };
  }

  /** A request is carried out when it is served, and its answer comes after all that was told before that. */
  #ask<T>(work: () => T): Observable<T> {
    return new Observable<T>((subscriber) => {
      this.requests += 1;
      this.#toServer.push(() => {
        let answer: () => void;
        try {
          const result = work();
          answer = () => (subscriber.next(result), subscriber.complete());
        } catch (error) {
          answer = () => subscriber.error(error);
        }
        this.#toClient.push(answer);
      });
    });
  }

  #client(): DirectoryClient {
    return {
      // Longer than any of these runs.
      sessionTimeoutMs: 60_000,
      watchTree: (_path, listener) =>
        new Observable<void>((subscriber) => {
          subscriber.add(() => {
            this.#listener = undefined;
            this.#isChildWatchSet = false;
          });
          return concat(
            this.#ask(() => void (this.#listener = listener)),
            NEVER,
          ).subscribe(subscriber);
        }),
      readDirectory: (_path, watch) =>
        this.#ask(() => {
          this.reads += 1;
          const stat = this.#stat();
          if (!stat) throw new RegistryError('NO_NODE', 'There is none.');
          this.#setChildWatch(watch!);
          return { names: this.names, stat };
        }),
      watchChildren: (_path, fired) =>
        this.#ask(() => {
          this.#setChildWatch(fired);
          // That is how a server says that there is no such node.
          if (!this.#children) {
            this.#event({ type: 'deleted', path: '/d' });
            this.#fireChildWatch();
          }
        }),
      exists: () => this.#ask(() => this.#stat()),
      removeWatch: () => of(undefined).subscribe(() => (this.#isChildWatchSet = false)),
    };
  }

  #setChildWatch(fired: () => void): void {
    this.#childWatch = fired;
    this.#isChildWatchSet = true;
  }

  #hear(change: DirectoryChange): void {
    if (change.type === 'snapshot') {
      if (change.withheld) this.isWithheld = true;
      for (const name of this.told) if (!change.names.includes(name)) this.#forget(name);
      for (const name of change.names) this.told.add(name);
      return;
    }
    for (const name of change.added) {
      if (this.told.has(name)) this.flaws.push(`${name} was added twice`);
      this.told.add(name);
    }
    for (const name of change.removed) this.#forget(name);
  }

  #forget(name: string): void {
    if (!this.told.delete(name)) this.flaws.push(`${name} was removed twice`);
    const left = (this.#removals.get(name) ?? 0) - 1;
    if (left < 0) this.flaws.push(`${name} was removed though it was only taken over`);
    this.#removals.set(name, left);
  }
}
