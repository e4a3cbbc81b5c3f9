import { firstValueFrom, NEVER, type Observable, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { EtcdClient, KeyState, TxnResult } from '../../../lib/backends/etcd/client.js';
import { CompactedError } from '../../../lib/backends/etcd/errors.js';
import { EtcdSession } from '../../../lib/backends/etcd/etcdSession.js';
import { Leases } from '../../../lib/backends/etcd/leases.js';
import { PageSize } from '../../../lib/backends/etcd/pageSize.js';
import type { WatchAnswer, WatchRequest, WatchStream } from '../../../lib/backends/etcd/watchStream.js';
import type { NodeState, RegistryNode } from '../../../lib/port/index.js';

const FORMER: RegistryNode = { path: '/a', data: new Uint8Array(), owner: undefined, version: 6n };
const DATA = Buffer.from('known');

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
  const txn = (): Observable<TxnResult> => of({ succeeded: true, revision: 7n, found: [] });
  const client = { range, txn, isOver: false, ended: NEVER } as unknown as EtcdClient;
  const connect = (): void => session.attach(client, { watch } as unknown as WatchStream);
  connect();
  const told: (readonly [text: string | undefined, position: bigint])[] = [];
  const write = (): Promise<RegistryNode> => firstValueFrom(session.takeOver(FORMER, { data: DATA }));
  const follow = (node: RegistryNode): void =>
    void session.nodes.watch('/a', node).subscribe(({ node: is, position }: NodeState) => {
      told.push([is && Buffer.from(is.data).toString(), position]);
    });
  return { connect, write, follow, watches, told, reads: () => reads };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a watch on a node that is known', () => {
  it('begins after what was written over the same connection, without a reading', async () => {
    const { write, follow, watches, told, reads } = stage(undefined);
    follow(await write());
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
    const { write, follow, watches, told, reads } = stage(undefined);
    follow(await write());
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

  it('no vanish: reads first where it was written over another connection: an older copy may be there, and have gone on', async () => {
    const { connect, write, follow, watches, told } = stage(undefined);
    const node = await write();
    connect();
    follow(node);
    await settled();
    expect(told).toEqual([[undefined, 9n]]);
    expect(watches.map(({ request }) => request.from)).toEqual([10n]);
  });
});
