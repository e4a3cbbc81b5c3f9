import { defer, NEVER, type Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { EtcdClient, TxnResult } from '../../../lib/backends/etcd/client.js';
import { EtcdSession } from '../../../lib/backends/etcd/etcdSession.js';
import { Leases } from '../../../lib/backends/etcd/leases.js';
import { PageSize } from '../../../lib/backends/etcd/pageSize.js';
import type { WatchStream } from '../../../lib/backends/etcd/watchStream.js';
import type { RegistryNode } from '../../../lib/port/index.js';

/** A session on a server whose answers to transactions are given by hand. */
function stage() {
  const sent: Subject<TxnResult>[] = [];
  const txn = (): Observable<TxnResult> =>
    defer(() => {
      const answer = new Subject<TxnResult>();
      sent.push(answer);
      return answer;
    });
  const session = new EtcdSession(new Leases(10, 100), {
    chroot: '',
    pageSize: new PageSize({ most: 100, fastMs: 100, slowMs: 1_000 }),
  });
  session.attach({ txn, isOver: false, ended: NEVER } as unknown as EtcdClient, {} as WatchStream);
  const answer = (index: number): void => {
    sent[index]!.next({ succeeded: true, revision: 2n, found: [] });
    sent[index]!.complete();
  };
  const write = (path = '/a') => {
    const node: RegistryNode = { path, data: new Uint8Array(), owner: undefined, version: 1n };
    const outcome = { done: false };
    const subscription = session.move(node, `${path}2`).subscribe({ complete: () => (outcome.done = true) });
    return { outcome, subscription };
  };
  return { sent, answer, write };
}

describe('the writes to one node', () => {
  it('are sent one after another, and those to different nodes at once', () => {
    const { sent, answer, write } = stage();
    const [first, second] = [write(), write()];
    write('/b');
    expect(sent).toHaveLength(2);
    answer(0);
    expect([first.outcome.done, second.outcome.done]).toEqual([true, false]);
    expect(sent).toHaveLength(3);
    answer(2);
    expect(second.outcome.done).toBe(true);
  });

  it('stay in order when one that waits is unsubscribed: what comes after it waits for the former all the same', () => {
    const { sent, answer, write } = stage();
    write();
    const waiting = [write(), write()];
    for (const { subscription } of waiting) subscription.unsubscribe();
    const last = write();
    expect(sent).toHaveLength(1);
    answer(0);
    expect(sent).toHaveLength(2);
    answer(1);
    expect(last.outcome.done).toBe(true);
    // Nothing of it is left: the next one does not wait.
    write();
    expect(sent).toHaveLength(3);
  });

  it('do not grow on the stack: ten thousand that wait are sent, or left, in their turn', () => {
    const { sent, answer, write } = stage();
    const all = Array.from({ length: 10_000 }, () => write());
    for (const { subscription } of all.slice(1, -1)) subscription.unsubscribe();
    answer(0);
    expect(sent).toHaveLength(2);
    answer(1);
    expect(all.at(-1)!.outcome.done).toBe(true);
  });
});
