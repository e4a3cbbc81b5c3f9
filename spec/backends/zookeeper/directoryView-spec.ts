import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DirectoryView } from '../../../lib/backends/zookeeper/directoryView.js';
import type { NodeEvent } from '../../../lib/backends/zookeeper/treeWatches.js';
import type { DirectoryChange } from '../../../lib/port/index.js';

const created = (name: string): NodeEvent => ({ type: 'created', path: `/d/${name}` });
const deleted = (name: string): NodeEvent => ({ type: 'deleted', path: `/d/${name}` });

describe('DirectoryView', () => {
  it('believes that a node is gone once the server has answered later', () => {
    const view = new DirectoryView('/d');
    expect(view.begin(['a', 'b'])).toEqual({ type: 'snapshot', names: ['a', 'b'] });
    view.record(deleted('a'));
    expect(view.doubts).toBe(true);
    expect(view.news()).toBeUndefined();
    view.ask();
    expect(view.doubts).toBe(false);
    view.record(deleted('b'));
    expect(view.settle()).toEqual({ type: 'delta', added: [], removed: ['a'] });
    expect(view.doubts).toBe(true);
  });

  it('takes a node that goes and comes back for one that was never gone', () => {
    const view = new DirectoryView('/d');
    view.begin(['a']);
    view.record(deleted('a'));
    view.ask();
    view.record(created('a'));
    expect(view.settle()).toBeUndefined();
    expect(view.news()).toBeUndefined();
    expect(view.doubts).toBe(false);
  });

  it('tells at once what comes, and nothing of what goes before it was told', () => {
    const view = new DirectoryView('/d');
    view.begin([]);
    view.record(created('a'));
    view.record(created('b'));
    view.record(deleted('b'));
    expect(view.news()).toEqual({ type: 'delta', added: ['a'], removed: [] });
    expect(view.doubts).toBe(false);
  });

  it('leaves alone what happens to the directory itself, to content and further down', () => {
    const view = new DirectoryView('/d');
    view.begin(['a']);
    for (const path of ['/d', '/d/a/b', '/dd', '/']) view.record({ type: 'deleted', path });
    view.record({ type: 'changed', path: '/d/a' });
    view.record({ type: 'created', path: '/d/a/b' });
    expect(view.doubts).toBe(false);
    expect(view.news()).toBeUndefined();
  });

  it('no missed removal, no flap, legal events: ends at the truth, however events and answers are interleaved', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('toggle' as const), name }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('takeOver' as const), name }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('deliver' as const), name }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('tell' as const), name }) },
    );
    fc.assert(
      fc.property(
        fc.subarray(['a', 'b', 'c']),
        fc.array(step, { maxLength: 40 }),
        fc.nat({ max: 10 }),
        fc.constantFrom<Overtaking>('nobody', 'the event', 'the answer'),
        (start, steps, listAt, late) => {
          const world = new Server(start);
          steps.forEach((each, index) => {
            if (index === listAt) world.list(late);
            world.take(each);
          });
          if (steps.length <= listAt) world.list(late);
          world.rest();
          expect([...world.told].sort()).toEqual([...world.truth].sort());
          expect(world.flaws).toEqual([]);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** What comes before something that it should come after. */
type Overtaking = 'nobody' | 'the event' | 'the answer';

type Message = { readonly event: NodeEvent } | { readonly names: readonly string[] } | { readonly answer: true };

/** A server, its connection, on which everything comes in order, and a consumer that believes what it is told. */
class Server {
  readonly truth: Set<string>;
  readonly told = new Set<string>();
  readonly flaws: string[] = [];
  readonly #view = new DirectoryView('/d');
  readonly #wire: Message[] = [];
  /** How often each was truly removed and not replaced in the same transaction. */
  readonly #removals = new Map<string, number>();
  #asking = false;
  #begun = false;

  constructor(start: readonly string[]) {
    this.truth = new Set(start);
  }

  take({ kind, name }: { kind: 'toggle' | 'takeOver' | 'deliver' | 'tell'; name: string }): void {
    if (kind === 'tell') this.#hear(this.#view.news());
    else if (kind === 'deliver') this.#deliver();
    else if (kind === 'takeOver') {
      // One transaction, two packets: nothing that is asked comes between them.
      if (this.truth.has(name)) this.#wire.push({ event: deleted(name) }, { event: created(name) });
    } else if (this.truth.delete(name)) {
      this.#removals.set(name, (this.#removals.get(name) ?? 0) + 1);
      this.#wire.push({ event: deleted(name) });
    } else {
      this.truth.add(name);
      this.#wire.push({ event: created(name) });
    }
  }

  /** The list as it is now. A change beside it is on its way sooner than the older list, or later than the newer one. */
  list(overtaking: Overtaking): void {
    const before = [...this.truth];
    if (overtaking !== 'nobody') this.take({ kind: 'toggle', name: 'a' });
    if (overtaking === 'the answer') this.#wire.splice(-1, 0, { names: [...this.truth] });
    else this.#wire.push({ names: before });
  }

  rest(): void {
    while (this.#wire.length > 0) this.#deliver();
    this.#hear(this.#view.news());
  }

  #deliver(): void {
    const message = this.#wire.shift();
    if (!message) return;
    if ('event' in message) this.#view.record(message.event);
    else if ('names' in message) {
      this.#begun = true;
      this.#hear(this.#view.begin(message.names));
    } else {
      this.#asking = false;
      this.#hear(this.#view.settle());
    }
    if (this.#begun && this.#view.doubts && !this.#asking) {
      this.#asking = true;
      this.#view.ask();
      this.#wire.push({ answer: true });
    }
  }

  #hear(change: DirectoryChange | undefined): void {
    if (!change) return;
    if (change.type === 'snapshot') {
      change.names.forEach((name) => this.told.add(name));
      return;
    }
    for (const name of change.added) {
      if (this.told.has(name)) this.flaws.push(`${name} was added twice`);
      this.told.add(name);
    }
    for (const name of change.removed) {
      if (!this.told.delete(name)) this.flaws.push(`${name} was removed twice`);
      const left = (this.#removals.get(name) ?? 0) - 1;
      if (left < 0) this.flaws.push(`${name} was removed though it was only taken over`);
      this.#removals.set(name, left);
    }
  }
}
