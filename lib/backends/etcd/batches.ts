import { catchError, forkJoin, map, type Observable, of, switchMap, tap, throwError } from 'rxjs';
import { type ErrorCode, RegistryError } from '../../errors.js';
import { Batcher, type Outcome } from '../../internal/batcher.js';
import { orElse } from '../../internal/orElse.js';
import { parentOf } from '../../internal/path.js';
import { quoted } from '../../internal/quoted.js';
import type { EtcdClient, KeyState } from './client.js';
import { absent, anyChild, childless, get, leased, present, put, remove, unchanged } from './conditions.js';
import { isNoSpace } from './errors.js';
import { keyOf } from './keys.js';
import type { Leases } from './leases.js';

/** A transaction of a hundred costs the server hardly more than one write; beyond that nothing is gained. */
const MOST_IN_ONE = 100;
/** The server takes no more operations, and no more conditions, in one transaction. */
const MOST_CONDITIONS = 128;
/** A third of what the server takes in one request. */
const MOST_BYTES_IN_ONE = 500_000;

/** A key to make. */
export interface Wanted {
  readonly path: string;
  readonly data: Uint8Array;
  readonly ephemeral: boolean;
  /** Whether its directory should be there, as far as we may read that. @defaultValue `true` */
  readonly inDirectory?: boolean;
}

/** A key that was made. */
export interface Made {
  readonly revision: bigint;
  /** `0` for none. */
  readonly lease: string;
}

/** A key of ours to remove, as long as it is what we wrote: a removal that comes late must not meet a newer one. */
export interface Unwanted {
  readonly path: string;
  readonly revision: bigint;
}

/** A key that shall belong to us, as long as it is what was read. */
export interface Taken {
  readonly path: string;
  readonly data: Uint8Array;
  readonly ephemeral: boolean;
  readonly revision: bigint;
}

/** There is a key already where one was to be made: what it was at a revision, without its content. */
export class KeyExistsError extends RegistryError {
  readonly state: KeyState;
  readonly revision: bigint;

  constructor(path: string, state: KeyState, revision: bigint) {
    super('NODE_EXISTS', `etcd ${quoted(path)}: there is one already.`);
    this.state = state;
    this.revision = revision;
  }
}

/** What a key was, and when. */
export interface Reading {
  readonly state: KeyState | undefined;
  readonly revision: bigint;
}

/** Makes keys; errors with `NO_NODE` where the directory should be there and is not, and with `CONFLICT` where it is ephemeral. */
export function bulkCreate(client: EtcdClient, leases: Leases): Batcher<Wanted, Made> {
  return new Batcher({
    most: MOST_IN_ONE,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: ({ path, data }) => path.length + data.length,
    send: (nodes) =>
      forkJoin(inTransactions(nodes).map((some) => createAll(client, leases, some))).pipe(
        map((outcomes) => outcomes.flat()),
      ),
  });
}

/** Takes keys over; errors with `CONFLICT` where one is not what was read, and with `NOT_EMPTY` where it has children. */
export function bulkTakeOver(client: EtcdClient, leases: Leases): Batcher<Taken, Made> {
  return new Batcher({
    // Two conditions for each.
    most: MOST_CONDITIONS / 2,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: ({ path, data }) => path.length + data.length,
    send: (nodes) => {
      const owned = nodes.filter(({ ephemeral }) => ephemeral).length;
      return withLease(client, leases, owned, (lease) => orAgain(nodes, takeOverAll(client, nodes, lease)));
    },
  });
}

/** Whether a key was removed, and the revision from which on it is known to be absent. */
export interface Removal {
  readonly removed: boolean;
  readonly revision: bigint;
}

/** Removes keys of ours; errors with `CONFLICT` where one was written to since. */
export function bulkRemove(client: EtcdClient): Batcher<Unwanted, Removal> {
  return new Batcher({
    most: MOST_IN_ONE,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: ({ path }) => path.length,
    send: (nodes) => orAgain(nodes, removeAll(client, nodes)),
  });
}

/** Reads keys. */
export function bulkRead(client: EtcdClient): Batcher<string, Reading> {
  return new Batcher({
    most: MOST_IN_ONE,
    mostBytes: MOST_BYTES_IN_ONE,
    bytesOf: (path) => path.length,
    send: (paths) => orAgain(paths, readAll(client, paths)),
  });
}

function createAll(client: EtcdClient, leases: Leases, nodes: readonly Wanted[]): Observable<readonly Outcome<Made>[]> {
  const owned = nodes.filter(({ ephemeral }) => ephemeral).length;
  return withLease(client, leases, owned, (lease) => {
    const parents = parentsOf(nodes);
    const created = createIn(client, nodes, parents, lease);
    // Whoever may write to a directory need not be allowed to read its key.
    const anyhow =
      parents.length > 0 ? orElse('NOT_AUTHORIZED', created, () => createIn(client, nodes, [], lease)) : created;
    return orAgain(nodes, anyhow);
  });
}

/** Runs writes with a lease that has room for some keys, and gives the room back unless all are written. */
function withLease(
  client: EtcdClient,
  leases: Leases,
  owned: number,
  write: (lease: string) => Observable<readonly Outcome<Made>[]>,
): Observable<readonly Outcome<Made>[]> {
  return (owned > 0 ? leases.take(client, owned) : of('0')).pipe(
    switchMap((lease) => {
      const giveBack = (): void => leases.giveBack(lease, owned);
      return write(lease).pipe(
        tap({
          next: (outcomes) => {
            if (!outcomes.every((outcome) => outcome !== 'again' && 'value' in outcome)) giveBack();
          },
          error: giveBack,
        }),
      );
    }),
  );
}

/** Takes over all of them, or none. */
function takeOverAll(client: EtcdClient, nodes: readonly Taken[], lease: string): Observable<Outcome<Made>[]> {
  const leaseOf = ({ ephemeral }: Taken): string => (ephemeral ? lease : '0');
  return client
    .txn(
      {
        compare: nodes.flatMap(({ path, revision }) => [unchanged(path, revision), childless(path)]),
        success: nodes.map((node) => put(node.path, node.data, leaseOf(node))),
        failure: nodes.flatMap(({ path }) => [get(path, true), anyChild(path)]),
      },
      named('take over', pathsOf(nodes)),
    )
    .pipe(
      map(({ succeeded, revision, found }) =>
        nodes.map((node, index): Outcome<Made> => {
          if (succeeded) return { value: { revision, lease: leaseOf(node) } };
          if (found[2 * index]?.[0]?.revision !== node.revision)
            return failed('CONFLICT', node.path, 'it is not what it was');
          return found[2 * index + 1]?.length ? failed('NOT_EMPTY', node.path, 'it has children') : 'again';
        }),
      ),
    );
}

/** Makes all of them, or none, with a lease for those that are ephemeral; only where the directories are there. */
function createIn(
  client: EtcdClient,
  nodes: readonly Wanted[],
  directories: readonly string[],
  lease: string,
): Observable<Outcome<Made>[]> {
  const leaseOf = ({ ephemeral }: Wanted): string => (ephemeral ? lease : '0');
  // Of many, only directories are looked at: not to name each key twice for the case that one exists.
  const looked = nodes.length === 1 ? pathsOf(nodes) : [];
  const txn = {
    compare: [
      ...nodes.map(({ path }) => absent(path)),
      ...directories.flatMap((path) => [present(path), leased(path, '0')]),
    ],
    success: nodes.map((node) => put(node.path, node.data, leaseOf(node))),
    failure: [...looked, ...directories].map((path) => get(path, true)),
  };
  return client.txn(txn, named('create', pathsOf(nodes))).pipe(
    switchMap(({ succeeded, revision, found }) => {
      if (succeeded) return of(nodes.map((node) => ({ value: { revision, lease: leaseOf(node) } })));
      const states = new Map(directories.map((path, index) => [path, found[looked.length + index]?.[0]]));
      const reasonFor = (path: string, state: KeyState | undefined, readAt: bigint): Outcome<Made> => {
        if (state) return { error: new KeyExistsError(path, state, readAt) };
        const parent = parentOf(path);
        const directory = states.get(parent);
        if (directory && directory.lease !== '0') {
          return failed('CONFLICT', path, 'an ephemeral node can have no children');
        }
        return states.has(parent) && !directory ? failed('NO_NODE', path, 'its directory is missing') : 'again';
      };
      const isNone = directories.length > 0 && directories.every((path) => !states.get(path));
      if (looked.length > 0 || isNone) {
        return of(
          pathsOf(nodes).map((path, index) =>
            reasonFor(path, index < looked.length ? found[index]?.[0] : undefined, revision),
          ),
        );
      }
      return existing(client, pathsOf(nodes)).pipe(
        map((exist) => nodes.map(({ path }, index) => reasonFor(path, exist.states[index], exist.revision))),
      );
    }),
  );
}

/** What some keys are, without their contents, and when. */
function existing(
  client: EtcdClient,
  paths: readonly string[],
): Observable<{ readonly states: readonly (KeyState | undefined)[]; readonly revision: bigint }> {
  return client
    .txn({ compare: [], success: paths.map((path) => get(path, true)) }, named('read', paths))
    .pipe(map(({ found, revision }) => ({ states: paths.map((_, index) => found[index]?.[0]), revision })));
}

function removeAll(client: EtcdClient, nodes: readonly Unwanted[]): Observable<readonly Outcome<Removal>[]> {
  return client
    .txn(
      {
        compare: nodes.map(({ path, revision }) => unchanged(path, revision)),
        success: nodes.map(({ path }) => remove(path)),
        failure: nodes.map(({ path }) => get(path, true)),
      },
      named('remove', pathsOf(nodes)),
    )
    .pipe(
      map(({ succeeded, revision: answeredAt, found }) =>
        nodes.map(({ path, revision }, index): Outcome<Removal> => {
          if (succeeded) return { value: { removed: true, revision: answeredAt } };
          const state = found[index]?.[0];
          if (!state) return { value: { removed: false, revision: answeredAt } };
          return state.revision === revision ? 'again' : failed('CONFLICT', path, 'it was written to');
        }),
      ),
    );
}

function readAll(client: EtcdClient, paths: readonly string[]): Observable<readonly Outcome<Reading>[]> {
  const what = named('read', paths);
  if (paths.length === 1) {
    return client
      .range({ key: keyOf(paths[0]!) }, what)
      .pipe(map(({ keys, revision }) => [{ value: { state: keys[0], revision } }]));
  }
  return client
    .txn({ compare: [], success: paths.map((path) => get(path)) }, what)
    .pipe(map(({ found, revision }) => paths.map((_, index) => ({ value: { state: found[index]?.[0], revision } }))));
}

/**
 * Where one of several may be the culprit (not permitted, too large, asked for twice), each half is sent on its own; not where
 * the server would refuse any.
 */
function orAgain<O>(
  items: readonly unknown[],
  sent: Observable<readonly Outcome<O>[]>,
): Observable<readonly Outcome<O>[]> {
  return sent.pipe(
    catchError((error: unknown) => {
      const mayBeOne = error instanceof RegistryError && BLAME_FOR_ONE.has(error.code) && !isNoSpace(error);
      return items.length > 1 && mayBeOne ? of(items.map(() => 'again' as const)) : throwError(() => error);
    }),
  );
}

const BLAME_FOR_ONE: ReadonlySet<ErrorCode> = new Set(['NOT_AUTHORIZED', 'TOO_LARGE', 'SERVER_ERROR']);

function inTransactions(nodes: readonly Wanted[]): Wanted[][] {
  const batches: Wanted[][] = [];
  let conditions = Infinity;
  let parents = new Set<string>();
  for (const node of nodes) {
    const parent = parentOf(node.path);
    const more = parents.has(parent) ? 1 : 3;
    if (conditions + more > MOST_CONDITIONS) {
      batches.push([]);
      conditions = 0;
      parents = new Set();
    }
    conditions += parents.has(parent) ? 1 : 3;
    parents.add(parent);
    batches.at(-1)!.push(node);
  }
  return batches;
}

/** The directories that should be there. The root is no key, and always there. */
function parentsOf(nodes: readonly Wanted[]): string[] {
  const inDirectories = nodes.filter(({ inDirectory = true }) => inDirectory);
  return [...new Set(inDirectories.map(({ path }) => parentOf(path)))].filter((path) => path !== '/');
}

function pathsOf(nodes: readonly { readonly path: string }[]): string[] {
  return nodes.map(({ path }) => path);
}

/** An operation, as errors name it. */
function named(operation: string, [first, ...others]: readonly string[]): string {
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${operation} ${quoted(first!)}${more}`;
}

function failed(code: ErrorCode, path: string, why: string): { error: RegistryError } {
  return { error: new RegistryError(code, `etcd ${quoted(path)}: ${why}.`) };
}
