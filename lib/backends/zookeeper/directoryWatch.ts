import {
  asapScheduler,
  auditTime,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  finalize,
  forkJoin,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  repeat,
  share,
  Subject,
  switchMap,
  tap,
  timer,
} from 'rxjs';
import { orElse } from '../../internal/orElse.js';
import type { DirectoryChange } from '../../port/index.js';
import type { ZkClient } from './client.js';
import { type DirectoryContent, DirectoryView } from './directoryView.js';
import { watchAbsent, watched } from './oneShotWatch.js';

/** What of a client {@link directoryByName} uses. */
export type DirectoryClient = Pick<
  ZkClient,
  'sessionTimeoutMs' | 'ended' | 'watchTree' | 'readDirectory' | 'watchChildren' | 'exists' | 'removeWatch'
>;

/**
 * Watches a directory by what the server says happens in it: a change costs the same however many children there are.
 *
 * Watch first, read second: nothing falls between them. A one-shot watch on the children stands beside the persistent watch:
 * a server from 3.8.4 on does not tell by name of a child that we may not read, but it tells everybody who may read the directory
 * that some child has changed. Then it is asked how many changes there were, and if it has told of fewer, the directory is read
 * again.
 *
 * Errors with `UNSUPPORTED` on a server before 3.6.
 */
export function directoryByName(client: DirectoryClient, path: string): Observable<DirectoryChange> {
  return defer(() => {
    const view = new DirectoryView(path);
    const stirred = new Subject<void>();
    const contents = new Subject<DirectoryContent>();
    let isReady = false;
    let isArmed = false;
    const fired = (): void => {
      isArmed = false;
      view.stir();
      stirred.next();
    };

    const read = defer(() => {
      view.ask();
      isArmed = true;
      return orElse('NO_NODE', client.readDirectory(path, fired), () => {
        isArmed = false;
        return of(undefined);
      }).pipe(
        tap((content) => contents.next(content)),
        map((content) => view.begin(content)),
      );
    });
    const check = defer(() => {
      view.ask();
      const armed = isArmed ? of(undefined) : client.watchChildren(path, fired);
      isArmed = true;
      // Watch first, look second, here too: they are sent in this order.
      return forkJoin([armed, client.exists(path)]).pipe(map(([, stat]) => view.settle(stat)));
    });
    const verified = defer(() => (view.next === 'read' ? read : check)).pipe(
      repeat({ delay: () => (view.next ? of(true) : EMPTY) }),
    );

    // What comes in one packet is told at once.
    const looks = stirred.pipe(
      auditTime(0, asapScheduler),
      filter(() => isReady),
      share(),
    );
    // Nobody would tell us of a directory that comes and that we may not read.
    const absences = contents.pipe(
      switchMap((content) => (content ? EMPTY : timer(client.sessionTimeoutMs))),
      tap(() => {
        view.doubt();
        stirred.next();
      }),
      ignoreElements(),
    );
    return merge(
      client.ended,
      absences,
      looks.pipe(map(() => view.news())),
      looks.pipe(
        filter(() => view.next !== undefined),
        exhaustMap(() => verified),
      ),
      client
        .watchTree(path, (event) => {
          view.record(event);
          stirred.next();
        })
        .pipe(
          tap(() => {
            isReady = true;
            stirred.next();
          }),
          ignoreElements(),
        ),
    ).pipe(
      filter((change) => change !== undefined),
      finalize(() => client.removeWatch('children', path, fired)),
    );
  });
}

/** Watches a directory by reading it again whenever it changes: what servers before 3.6 can do. */
export function directoryByReading(client: ZkClient, path: string): Observable<DirectoryChange> {
  return watched(client, path, (fired) =>
    orElse('NO_NODE', client.readDirectory(path, fired('children')), () =>
      watchAbsent(client, path, fired('node')).pipe(map(() => ({ names: [] }))),
    ).pipe(map(({ names }): DirectoryChange => ({ type: 'snapshot', names }))),
  );
}
