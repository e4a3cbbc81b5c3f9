import { NEVER, type Observable, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { EtcdClient, KeyState } from '../../../lib/backends/etcd/client.js';
import { CompactedError } from '../../../lib/backends/etcd/errors.js';
import { EtcdSession } from '../../../lib/backends/etcd/etcdSession.js';
import { Leases } from '../../../lib/backends/etcd/leases.js';
import { PageSize } from '../../../lib/backends/etcd/pageSize.js';
import type { WatchAnswer, WatchRequest, WatchStream } from '../../../lib/backends/etcd/watchStream.js';
import type { NodeState, RegistryNode } from '../../../lib/port/index.js';

const NODE: RegistryNode = { path: '/a', data: Buffer.from('known'), owner: undefined, version: 7n };

function stateAt(revision: bigint, text: string): KeyState {
  return { key: Buffer.from('/a'), value: Buffer.from(text), revision, madeAt: revision, writes: 1n, lease: '0' };
}

/** A session whose watches are told by hand; a reading finds what is at the server at once. */
function stage(held: KeyState | undefined) {
  const watches: { readonly request: WatchRequest; readonly answers: Subject<WatchAnswer> }[] = [];
  let reads = 0;
  const range = (): Observable<unknown> => {
    reads += 1;
    return of({ keys: held ? [held] : [], revision: 9n, more: false });
  };
  const watch = (request: WatchRequest): Observable<WatchAnswer> => {
    const answers = new Subject<WatchAnswer>();
    watches.push({ request, answers });
    return answers;
  };
  const session = new EtcdSession(new Leases(10, 100), {
    chroot: '',
    pageSize: new PageSize({ most: 100, fastMs: 100, slowMs: 1_000 }),
  });
  session.attach({ range, isOver: false, ended: NEVER } as unknown as EtcdClient, { watch } as unknown as WatchStream);
  const told: (readonly [text: string | undefined, position: bigint])[] = [];
  session.nodes.watch('/a', NODE).subscribe(({ node, position }: NodeState) => {
    told.push([node && Buffer.from(node.data).toString(), position]);
  });
  return { watches, told, reads: () => reads };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a watch on a node that is known', () => {
  it('begins after what is known, without a reading', async () => {
    const { watches, told, reads } = stage(undefined);
    await settled();
    expect(watches.map(({ request }) => request.from)).toEqual([8n]);
    watches[0]!.answers.next({ type: 'created', revision: 7n });
    watches[0]!.answers.next({ type: 'events', events: [{ type: 'put', state: stateAt(8n, 'new') }] });
    watches[0]!.answers.next({ type: 'events', events: [{ type: 'delete', state: stateAt(9n, '') }] });
    expect(told).toEqual([
      ['known', 7n],
      ['new', 8n],
      [undefined, 9n],
    ]);
    expect(reads()).toBe(0);
  });

  it.each<[string, (answers: Subject<WatchAnswer>) => void]>([
    ['has been compacted', (answers) => answers.error(new CompactedError('SERVER_ERROR', 'compacted'))],
    ['is not there, because an older copy was restored', (answers) => answers.next({ type: 'created', revision: 6n })],
  ])('reads first where the history after it %s', async (_, fail) => {
    const { watches, told, reads } = stage(undefined);
    await settled();
    fail(watches[0]!.answers);
    await settled();
    expect(told).toEqual([
      ['known', 7n],
      [undefined, 9n],
    ]);
    expect(reads()).toBe(1);
    expect(watches.map(({ request }) => request.from)).toEqual([8n, 10n]);
    expect(watches[0]!.answers.observed).toBe(false);
  });
});
