import { forkJoin, map, type Observable } from 'rxjs';
import { Batcher, type Outcome } from '../../internal/batcher.js';
import { inParts } from './bulkCreate.js';
import type { NodeWatch, ZkClient } from './client.js';

/** A watch on a node that was written last by the transaction `zxid`. */
export interface WantedWatch extends NodeWatch {
  readonly zxid: bigint;
}

const MOST_IN_ONE = 1_000;
/** Half of what the server takes in one packet. */
const MOST_BYTES_IN_ONE = 500_000;

/**
 * Sets watches that are asked for at the same time in one request for all nodes of one transaction, as those that were made
 * together are: ten thousand reads would cost more than to make the nodes.
 */
export function bulkWatch(client: ZkClient): Batcher<WantedWatch, void> {
  return new Batcher({
    most: MOST_IN_ONE,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: ({ path }) => Buffer.byteLength(path) + 4,
    send: (watches) => watchAll(client, watches),
  });
}

function watchAll(client: ZkClient, watches: readonly WantedWatch[]): Observable<readonly Outcome<void>[]> {
  const byZxid = new Map<bigint, WantedWatch[]>();
  for (const watch of watches) {
    if (watch.left()) continue;
    const together = byZxid.get(watch.zxid);
    if (together) together.push(watch);
    else byZxid.set(watch.zxid, [watch]);
  }
  const sent = [...byZxid].map(([zxid, together]) => client.watchUnchanged(together, zxid));
  return forkJoin([[undefined], ...sent]).pipe(
    map(() => watches.map(() => ({ value: undefined }))),
    inParts(watches.length),
  );
}
