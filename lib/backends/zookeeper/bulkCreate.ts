import { map, type Observable } from 'rxjs';
import { Batcher, type Outcome } from '../../internal/batcher.js';
import { parentOf } from '../../internal/path.js';
import type { CreateOptions } from '../../port/index.js';
import type { ZkClient } from './client.js';

/** A node that was made: where, and by which transaction. */
export interface Made {
  readonly path: string;
  readonly zxid: bigint;
}

/** A node to make. */
export interface Wanted {
  readonly path: string;
  readonly options: CreateOptions;
}

/** A transaction of a hundred costs the server hardly more than one node; beyond that nothing is gained. */
const MOST_IN_ONE = 100;
/** Half of what the server takes in one packet, which has more in it than paths and data. */
const MOST_BYTES_IN_ONE = 500_000;

/** Makes nodes that are asked for at the same time in transactions. */
export function bulkCreate(client: ZkClient): Batcher<Wanted, Made> {
  return new Batcher({
    most: MOST_IN_ONE,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: ({ path, options }) => Buffer.byteLength(path) + (options.data?.length ?? 0),
    send: (nodes) => {
      const [first] = nodes;
      return nodes.length === 1
        ? client.create(first!.path, first!.options).pipe(map((value) => [{ value }]))
        : createAll(client, nodes);
    },
  });
}

function createAll(client: ZkClient, nodes: readonly Wanted[]): Observable<readonly Outcome<Made>[]> {
  return client.createAll(nodes.map(({ path, options }) => ({ path, ...options }))).pipe(
    map((outcome) => {
      if ('zxid' in outcome) return nodes.map(({ path }) => ({ value: { path, zxid: outcome.zxid } }));
      const { error } = outcome;
      const bad = nodes[outcome.failedAt]!;
      // A directory that is missing is missing for all that belong in it.
      const fails = (each: Wanted): boolean =>
        each === bad || (error.code === 'NO_NODE' && parentOf(each.path) === parentOf(bad.path));
      return nodes.map((each) => (fails(each) ? { error } : 'again'));
    }),
  );
}
