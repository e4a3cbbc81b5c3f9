import { Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type NodeEvent, TreeWatches } from '../../../lib/backends/zookeeper/treeWatches.js';

function setUp() {
  const asked: string[] = [];
  const confirmations = new Map<string, Subject<void>>();
  const trees = new TreeWatches({
    add: (path) =>
      new Observable<void>((subscriber) => {
        asked.push(`+${path}`);
        const confirmation = new Subject<void>();
        confirmations.set(path, confirmation);
        return confirmation.subscribe(subscriber);
      }),
    remove: (path) => void asked.push(`-${path}`),
  });
  const watch = (path: string) => {
    const told: NodeEvent[] = [];
    const state = { ready: false, error: undefined as unknown };
    const subscription = trees
      .watch(path, (event) => told.push(event))
      .subscribe({ next: () => (state.ready = true), error: (error: unknown) => (state.error = error) });
    return { told, state, stop: () => subscription.unsubscribe() };
  };
  const confirm = (path: string) => confirmations.get(path)!.complete();
  return { trees, asked, confirmations, watch, confirm };
}

const event = (path: string): NodeEvent => ({ type: 'created', path });

describe('TreeWatches', () => {
  it('are ready when the server has confirmed them, asked for once and released with the last who leaves', () => {
    const { asked, watch, confirm } = setUp();
    const [one, other] = [watch('/a'), watch('/a')];
    expect(one.state.ready || other.state.ready).toBe(false);
    confirm('/a');
    expect(one.state.ready && other.state.ready).toBe(true);
    expect(watch('/a').state.ready).toBe(true);
    one.stop();
    other.stop();
    expect(asked).toEqual(['+/a']);
  });

  it('tell everybody who watches a node or one above it, and nobody beside it', () => {
    const { trees, watch } = setUp();
    const [root, a, b, ab] = [watch('/'), watch('/a'), watch('/b'), watch('/ab')];
    trees.tell(event('/a/x/y'));
    expect([root, a, b, ab].map(({ told }) => told.length)).toEqual([1, 1, 0, 0]);
    trees.tell(event('/a'));
    expect(a.told).toHaveLength(2);
  });

  it('live on one above them', () => {
    const { asked, trees, watch, confirm } = setUp();
    watch('/a');
    const lower = watch('/a/b/c');
    expect(lower.state.ready).toBe(false);
    confirm('/a');
    expect(lower.state.ready).toBe(true);
    trees.tell(event('/a/b/c/d'));
    expect(lower.told).toHaveLength(1);
    lower.stop();
    expect(asked).toEqual(['+/a']);
  });

  it('no gap: are asked for before the one above them is released', () => {
    const { asked, trees, watch, confirm } = setUp();
    const upper = watch('/a');
    confirm('/a');
    const [lower, lowest] = [watch('/a/b'), watch('/a/b/c')];
    upper.stop();
    expect(asked).toEqual(['+/a', '+/a/b', '-/a']);
    expect(trees.has('/a')).toBe(false);
    expect([trees.has('/a/b'), trees.has('/a/b/c')]).toEqual([true, false]);
    lower.stop();
    lowest.stop();
    expect(asked.slice(3)).toEqual(['+/a/b/c', '-/a/b', '-/a/b/c']);
  });

  it('fail for all who wait, and are asked for anew after they have left', () => {
    const { asked, confirmations, watch } = setUp();
    const [one, other] = [watch('/a'), watch('/a')];
    confirmations.get('/a')!.error(new Error('unsupported'));
    expect([one.state.error, other.state.error]).toEqual([new Error('unsupported'), new Error('unsupported')]);
    watch('/a');
    expect(asked.filter((each) => each === '+/a')).toHaveLength(2);
  });

  it('never have a path watched by nobody, nor released while somebody watches', () => {
    const { asked, watch, confirmations } = setUp();
    const paths = ['/a', '/a/b', '/a/b/c', '/d'];
    const live: { path: string; stop: () => void }[] = [];
    let seed = 7;
    const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
    for (let round = 0; round < 2_000; round += 1) {
      if (live.length === 0 || random(2) === 0) {
        const path = paths[random(paths.length)]!;
        live.push({ path, ...watch(path) });
        if (random(2) === 0) confirmations.get(path)?.complete();
      } else live.splice(random(live.length), 1)[0]!.stop();
      const held = new Set<string>();
      for (const each of asked) {
        if (each.startsWith('+')) held.add(each.slice(1));
        else expect(held.delete(each.slice(1))).toBe(true);
      }
      const covered = (path: string) => [...held].some((upper) => path === upper || path.startsWith(`${upper}/`));
      expect(live.every(({ path }) => covered(path))).toBe(true);
      expect([...held].every((path) => live.some((each) => each.path === path))).toBe(true);
    }
  });
});
