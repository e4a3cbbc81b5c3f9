import { forkJoin, map, type MonoTypeOperatorFunction, type Observable, of, switchMap } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { Batcher, type Outcome } from '../../internal/batcher.js';
import { hasCode, orElse } from '../../internal/orElse.js';
import { parentOf } from '../../internal/path.js';
import type { CreateOptions } from '../../port/index.js';
import { type NodeStat, type NodeToReplace, writesAfter, type ZkClient } from './client.js';

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

/** There is a node already where one was to be made, and this is what it is. */
export class FoundError extends RegistryError {
  readonly stat: NodeStat;

  constructor(cause: RegistryError, stat: NodeStat) {
    super('NODE_EXISTS', cause.message, { cause });
    this.stat = stat;
  }
}

/** A transaction of a hundred costs the server hardly more than one node; beyond that nothing is gained. */
const MOST_IN_ONE = 100;
/** Half of what the server takes in one packet, which has more in it than paths and data. */
const MOST_BYTES_IN_ONE = 500_000;

/** Makes nodes that are asked for at the same time in transactions. */
export function bulkCreate(client: Pick<ZkClient, 'create' | 'createAll' | 'exists'>): Batcher<Wanted, Made> {
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

/** Replaces nodes that are asked for at the same time in transactions; emits the transaction of each. */
export function bulkReplace(client: Pick<ZkClient, 'replace' | 'replaceAll'>): Batcher<NodeToReplace, bigint> {
  return new Batcher({
    most: MOST_IN_ONE,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: ({ path, dataVersion, data }) =>
      (2 + writesAfter(dataVersion)) * Buffer.byteLength(path) + (data?.length ?? 0),
    send: (nodes) => {
      const [first] = nodes;
      if (nodes.length === 1) {
        return client.replace(first!.path, first!.dataVersion, first!).pipe(map((value) => [{ value }]));
      }
      return client.replaceAll(nodes).pipe(
        map((outcome) =>
          nodes.map((_, at): Outcome<bigint> => {
            if ('zxid' in outcome) return { value: outcome.zxid };
            return at === outcome.failedAt ? { error: outcome.error } : 'again';
          }),
        ),
        inParts(nodes.length),
      );
    },
  });
}

function createAll(
  client: Pick<ZkClient, 'createAll' | 'exists'>,
  nodes: readonly Wanted[],
): Observable<readonly Outcome<Made>[]> {
  return client.createAll(nodes.map(({ path, options }) => ({ path, ...options }))).pipe(
    switchMap((outcome) => {
      if ('zxid' in outcome) return of(nodes.map(({ path }) => ({ value: { path, zxid: outcome.zxid } })));
      const { error, failedAt } = outcome;
      if (hasCode(error, 'NODE_EXISTS')) return findAll(client, nodes, failedAt, error);
      const bad = nodes[failedAt]!;
      // A directory that is missing is missing for all that belong in it.
      const fails = (each: Wanted): boolean =>
        each === bad || (error.code === 'NO_NODE' && parentOf(each.path) === parentOf(bad.path));
      return of(nodes.map((each) => (fails(each) ? { error } : ('again' as const))));
    }),
    inParts(nodes.length),
  );
}

/**
 * Looks which of the nodes are there, from the one on that was found. After a fast restart all are: to try them one transaction after
 * another, each of which names one, would cost a transaction for each.
 */
function findAll(
  client: Pick<ZkClient, 'exists'>,
  nodes: readonly Wanted[],
  failedAt: number,
  error: RegistryError,
): Observable<readonly Outcome<Made>[]> {
  return forkJoin(nodes.slice(failedAt).map(({ path }) => client.exists(path))).pipe(
    map((stats) =>
      nodes.map((_, at) => {
        const stat = stats[at - failedAt];
        if (stat) return { error: new FoundError(error, stat) };
        // Gone by now: nobody else is to blame, and it is tried alone.
        return at === failedAt ? { error } : 'again';
      }),
    ),
  );
}

/** Has what is too large to be sent together sent in parts. */
export function inParts<O>(count: number): MonoTypeOperatorFunction<readonly Outcome<O>[]> {
  return (source) =>
    count === 1 ? source : orElse('TOO_LARGE', source, () => of(Array.from({ length: count }, () => 'again' as const)));
}
