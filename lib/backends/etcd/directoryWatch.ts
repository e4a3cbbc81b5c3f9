import { defer, EMPTY, expand, map, mergeMap, type Observable, of, reduce, switchMap, tap, throwError } from 'rxjs';
import { quoted } from '../../internal/quoted.js';
import type { DirectoryChange } from '../../port/index.js';
import type { EtcdClient, Page } from './client.js';
import { CompactedError, readAnew } from './errors.js';
import { type KeyRange, nameIn, successorOf } from './keys.js';
import type { PageSize } from './pageSize.js';
import type { KeyEvent, WatchAnswer, WatchRequest } from './watchStream.js';

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

/** What of a client is used to list a directory. */
export type RangeReader = Pick<EtcdClient, 'range'>;

/** What a {@link watchRange} tells. */
export type RangeEvent =
  /** What the directory holds, read before the watch was set: all there is. */
  | ({ readonly type: 'listed' } & DirectorySnapshot)
  /** The watch is set without reading: everything from the revision on that was asked for is told. */
  | { readonly type: 'resumed' }
  /** What happened in the directory and below it. */
  | { readonly type: 'events'; readonly events: readonly KeyEvent[] };

/** How a range of keys is watched. */
export interface RangeWatchOptions {
  readonly pageSize: PageSize;
  /** Sets a watch. */
  readonly watch: (request: WatchRequest) => Observable<WatchAnswer>;
  /** Up to which revision everything is known already; the first watch goes on from there. */
  readonly known?: bigint | undefined;
}

/**
 * Lists a directory at one revision, and watches everything below it from the next on; again, with a new list, when the server has
 * dropped the history in between, or its store has lost it.
 *
 * After a connection broke it is listed anew, too: what is known of a store says nothing of one that was restored meanwhile.
 */
export function watchRange(
  client: RangeReader,
  range: KeyRange,
  { pageSize, watch, known }: RangeWatchOptions,
): Observable<RangeEvent> {
  return defer(() => {
    let resumeAt = known;
    return defer(() => {
      const resumed = resumeAt;
      resumeAt = undefined;
      return resumed === undefined ? listDirectory(client, range, pageSize) : of({ revision: resumed });
    }).pipe(
      switchMap((start: { readonly revision: bigint; readonly children?: Children }) => {
        const { children, revision: listed } = start;
        return watch({ key: range.from, to: range.to, from: listed + 1n }).pipe(
          mergeMap((answer): Observable<RangeEvent> => {
            if (answer.type === 'events') return of(answer);
            // A store that is behind what we have seen is another one, or an older copy.
            if (answer.revision < listed)
              return throwError(() => new CompactedError('SERVER_ERROR', 'The store went back.'));
            return of(children ? { type: 'listed', children, revision: listed } : { type: 'resumed' });
          }),
        );
      }),
      readAnew(),
    );
  });
}

/** Reads all children of a directory as of one revision, page by page. */
export function listDirectory(client: RangeReader, range: KeyRange, pageSize: PageSize): Observable<DirectorySnapshot> {
  const what = `list ${quoted(range.from.toString())}`;
  const page = (key: Buffer, at?: bigint): Observable<Page> =>
    defer(() => {
      const [limit, since] = [pageSize.keys, performance.now()];
      return client
        .range({ key, to: range.to, limit, keysOnly: true, ...(at !== undefined && { revision: at }) }, what)
        .pipe(
          tap(({ keys }) => pageSize.took(keys.length, performance.now() - since)),
          map((read) => ({ ...read, revision: at ?? read.revision })),
        );
    });
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
