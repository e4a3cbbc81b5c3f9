import { concat, defer, EMPTY, expand, map, mergeMap, type Observable, of, reduce, switchMap, throwError } from 'rxjs';
import { quoted } from '../../internal/quoted.js';
import type { DirectoryChange } from '../../port/index.js';
import type { EtcdClient, Page } from './client.js';
import { CompactedError, readAnew } from './errors.js';
import { type KeyRange, nameIn, successorOf } from './keys.js';
import type { Progress } from './progress.js';
import { type KeyEvent, openWatchStream } from './watchStream.js';

/**
 * The names of a directory's children, with the number of keys that each stands for: itself, and where implied children
 * count, all that lie below it. Such a child needs no key of its own, as not everybody who writes below it may write that.
 */
export type Children = Map<string, number>;

/** What a directory held at a revision. */
export interface DirectorySnapshot {
  readonly children: Children;
  readonly revision: bigint;
}

/** How a directory is watched. */
export interface DirectoryWatchOptions {
  readonly timeoutMs: number;
  readonly pageSize: number;
  /** Told how far it has got. */
  readonly progress: Progress;
}

/**
 * Lists a directory at one revision, and watches it from the next on; again, with a new snapshot, when the server has
 * dropped the history in between, or its store has lost it.
 *
 * After a connection broke it is listed anew, too: what is known of a store says nothing of one that was restored meanwhile.
 */
export function watchDirectory(
  client: EtcdClient,
  range: KeyRange,
  { timeoutMs, pageSize, progress }: DirectoryWatchOptions,
): Observable<DirectoryChange> {
  return defer(() => listDirectory(client, range, pageSize)).pipe(
    switchMap(({ children, revision: listed }) => {
      let revision = listed;
      const reached = defer(() => {
        progress.reach(revision);
        return EMPTY;
      });
      return openWatchStream(client, timeoutMs).pipe(
        switchMap((stream) => stream.watch({ key: range.from, to: range.to, from: listed + 1n })),
        mergeMap((answer): Observable<DirectoryChange> => {
          if (answer.type === 'created') {
            // A store that is behind what we have seen is another one, or an older copy.
            if (answer.revision < listed)
              return throwError(() => new CompactedError('SERVER_ERROR', 'The store went back.'));
            return concat(of<DirectoryChange>({ type: 'snapshot', names: [...children.keys()] }), reached);
          }
          // Each is counted once, also where a server tells it twice.
          const events = answer.events.filter(({ state }) => state.revision > revision);
          revision = events.at(-1)?.state.revision ?? revision;
          const delta = applyEvents(children, range, events);
          return delta ? concat(of(delta), reached) : reached;
        }),
      );
    }),
    readAnew(),
  );
}

/** Reads all children of a directory as of one revision, page by page. */
export function listDirectory(client: EtcdClient, range: KeyRange, pageSize: number): Observable<DirectorySnapshot> {
  const what = `list ${quoted(range.from.toString())}`;
  const page = (key: Buffer, at?: bigint): Observable<Page> =>
    client
      .range({ key, to: range.to, limit: pageSize, keysOnly: true, ...(at !== undefined && { revision: at }) }, what)
      .pipe(map((read) => ({ ...read, revision: at ?? read.revision })));
  return page(range.from).pipe(
    expand(({ keys, more, revision }) => (more ? page(successorOf(keys.at(-1)!.key), revision) : EMPTY)),
    reduce(
      ({ children }, { keys, revision }) => {
        for (const { key } of keys) {
          const name = nameIn(range, key);
          if (name !== undefined) count(children, name, 1);
        }
        return { children, revision };
      },
      { children: new Map<string, number>(), revision: 0n },
    ),
  );
}

/** Takes events in, in place; what that changed, net. */
export function applyEvents(
  children: Children,
  range: KeyRange,
  events: readonly KeyEvent[],
): DirectoryChange | undefined {
  const before = new Map<string, boolean>();
  for (const { type, state } of events) {
    const name = nameIn(range, state.key);
    // A key that was written before is counted already.
    if (name === undefined || (type === 'put' && state.writes > 1n)) continue;
    if (!before.has(name)) before.set(name, children.has(name));
    count(children, name, type === 'put' ? 1 : -1);
  }
  const added: string[] = [];
  const removed: string[] = [];
  for (const [name, was] of before) {
    if (children.has(name) !== was) (was ? removed : added).push(name);
  }
  return added.length + removed.length > 0 ? { type: 'delta', added, removed } : undefined;
}

function count(children: Children, name: string, change: 1 | -1): void {
  const keys = (children.get(name) ?? 0) + change;
  if (keys > 0) children.set(name, keys);
  else children.delete(name);
}
