import { Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type NodeEvent, TreeWatches } from '../../../lib/backends/zookeeper/treeWatches.js';
import { seededRandom } from '../../../lib/testing/seededRandom.js';

/** A server that is asked through a queue: `sendAll` and the `limit` say what of it is sent. */
function setUp({ limit = Infinity } = {}) {
  const sent: string[] = [];
  const queue = new Set<() => void>();
  const confirmations = new Map<string, Subject<void>>();
  const enqueue = (send: () => void): (() => void) => {
    queue.add(send);
    if (sent.length < limit) sendAll();
    return () => void queue.delete(send);
  };
  const sendAll = (): void => {
    for (const send of queue) {
      queue.delete(send);
      send();
    }
  };
  const trees = new TreeWatches({
    add: (path, onSent) =>
      new Observable<void>((subscriber) => {
        const confirmation = new Subject<void>();
        subscriber.add(
          enqueue(() => {
            onSent();
            sent.push(`+${path}`);
            confirmations.set(path, confirmation);
          }),
        );
        subscriber.add(confirmation.subscribe(subscriber));
      }),
    remove: (path) => void enqueue(() => void sent.push(`-${path}`)),
  });
  const watch = (path: string) => {
    const told: NodeEvent[] = [];
    const state = { ready: 0, error: undefined as unknown };
    const subscription = trees
      .watch(path, (event) => told.push(event))
      .subscribe({ next: () => (state.ready += 1), error: (error: unknown) => (state.error = error) });
    return { told, state, stop: () => subscription.unsubscribe() };
  };
  const confirm = (path: string) => confirmations.get(path)!.complete();
  return { trees, sent, sendAll, confirmations, watch, confirm };
}

const event = (path: string): NodeEvent => ({ type: 'created', path });
const endOfTick = () => Promise.resolve();

describe('TreeWatches', () => {
  it('are ready when the server has confirmed them, asked for once and released with the last who leaves', async () => {
    const { sent, watch, confirm } = setUp();
    const [one, other] = [watch('/a'), watch('/a')];
    expect([one.state.ready, other.state.ready]).toEqual([0, 0]);
    confirm('/a');
    expect([one.state.ready, other.state.ready]).toEqual([1, 1]);
    const third = watch('/a');
    expect(third.state.ready).toBe(1);
    one.stop();
    other.stop();
    await endOfTick();
    expect(sent).toEqual(['+/a']);
    third.stop();
    await endOfTick();
    expect(sent).toEqual(['+/a', '-/a']);
  });

  it('tell everybody who watches a node or one above it, and nobody beside it', () => {
    const { trees, watch } = setUp();
    const [root, a, b, ab] = [watch('/'), watch('/a'), watch('/b'), watch('/ab')];
    trees.tell(event('/a/x/y'));
    expect([root, a, b, ab].map(({ told }) => told.length)).toEqual([1, 1, 0, 0]);
    trees.tell(event('/a'));
    expect(a.told).toHaveLength(2);
  });

  it('need nothing on the server below a path that is watched', async () => {
    const { sent, trees, watch, confirm } = setUp();
    watch('/a');
    const lower = watch('/a/b/c');
    expect(lower.state.ready).toBe(0);
    confirm('/a');
    expect(lower.state.ready).toBe(1);
    trees.tell(event('/a/b/c/d'));
    expect(lower.told).toHaveLength(1);
    lower.stop();
    await endOfTick();
    expect(sent).toEqual(['+/a']);
  });

  it('no gap: are asked for before the one above them is released', async () => {
    const { sent, watch, confirm } = setUp();
    const upper = watch('/a');
    confirm('/a');
    const [lowest, lower] = [watch('/a/b/c'), watch('/a/b')];
    upper.stop();
    await endOfTick();
    expect(sent).toEqual(['+/a', '+/a/b', '-/a']);
    expect([lower.state.ready, lowest.state.ready]).toEqual([1, 1]);
    lower.stop();
    await endOfTick();
    expect(sent.slice(3)).toEqual(['+/a/b/c', '-/a/b']);
    lowest.stop();
    await endOfTick();
    expect(sent.slice(5)).toEqual(['-/a/b/c']);
  });

  it('become ready with their own watch, if the one above them went before it was confirmed', async () => {
    const { watch, confirm } = setUp();
    const upper = watch('/a');
    const lower = watch('/a/b');
    upper.stop();
    await endOfTick();
    expect(lower.state.ready).toBe(0);
    confirm('/a/b');
    expect(lower.state.ready).toBe(1);
  });

  it('cost nothing when they are left together, or left and wanted again within a tick', async () => {
    const { sent, watch, confirm } = setUp();
    const all = ['/a', '/a/b', '/a/c', '/a/b/d'].map(watch);
    confirm('/a');
    for (const each of all) each.stop();
    await endOfTick();
    expect(sent).toEqual(['+/a', '-/a']);
    const again = watch('/a');
    confirm('/a');
    again.stop();
    const last = watch('/a');
    await endOfTick();
    expect(last.state.ready).toBe(1);
    expect(sent).toEqual(['+/a', '-/a', '+/a']);
  });

  it('bounded load: are taken out of the queue when they are left before they were sent', async () => {
    const { sent, sendAll, watch } = setUp({ limit: 2 });
    const watches = Array.from({ length: 10 }, (_, index) => watch(`/${index}`));
    for (const { stop } of watches) stop();
    await endOfTick();
    sendAll();
    expect(sent).toEqual(['+/0', '+/1', '-/0', '-/1']);
  });

  it('fail for all who wait, and are asked for anew after they have left', () => {
    const { sent, confirmations, watch } = setUp();
    const [one, other, lower] = [watch('/a'), watch('/a'), watch('/a/b')];
    confirmations.get('/a')!.error(new Error('unsupported'));
    for (const { state } of [one, other, lower]) expect(state.error).toEqual(new Error('unsupported'));
    watch('/a');
    expect(sent.filter((each) => each === '+/a')).toHaveLength(2);
  });

  it('fail also for those that were ready under another one, which would hear nothing any more', async () => {
    const { confirmations, watch, confirm } = setUp();
    const upper = watch('/a');
    confirm('/a');
    const lower = watch('/a/b');
    upper.stop();
    await endOfTick();
    confirmations.get('/a/b')!.error(new Error('refused'));
    expect(lower.state.error).toEqual(new Error('refused'));
  });

  it('never have a path watched by nobody at the end of a tick, nor released while somebody watches', async () => {
    const { sent, watch, confirmations } = setUp();
    const paths = ['/a', '/a/b', '/a/b/c', '/d'];
    const live: { path: string; stop: () => void }[] = [];
    const held = new Set<string>();
    let seen = 0;
    const next = seededRandom(7);
    const random = (n: number): number => Math.floor(next() * n);
    const isCovered = ({ path }: { path: string }) =>
      [...held].some((upper) => path === upper || path.startsWith(`${upper}/`));
    for (let round = 0; round < 2_000; round += 1) {
      const before = [...live];
      for (let changes = random(4); changes >= 0; changes -= 1) {
        if (live.length === 0 || (live.length < 5 && random(2) === 0)) {
          const path = paths[random(paths.length)]!;
          live.push({ path, ...watch(path) });
          if (random(2) === 0) confirmations.get(path)?.complete();
        } else live.splice(random(live.length), 1)[0]!.stop();
      }
      await endOfTick();
      const steady = before.filter((each) => live.includes(each));
      for (; seen < sent.length; seen += 1) {
        const [change, path] = [sent[seen]![0], sent[seen]!.slice(1)];
        if (change === '+') held.add(path);
        else expect(held.delete(path)).toBe(true);
        expect(steady.every(isCovered)).toBe(true);
      }
      expect(live.every(isCovered)).toBe(true);
      expect([...held].every((path) => live.some((each) => each.path === path))).toBe(true);
    }
  });
});
