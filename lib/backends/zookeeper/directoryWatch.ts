import {
  asapScheduler,
  auditTime,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  map,
  merge,
  type Observable,
  of,
  repeat,
  Subject,
  switchMap,
} from 'rxjs';
import { orElse } from '../../internal/orElse.js';
import type { DirectoryChange } from '../../port/index.js';
import type { ZkClient } from './client.js';
import { DirectoryView } from './directoryView.js';
import { AGAIN, watched } from './oneShotWatch.js';

/**
 * Watches a directory by what the server says happens in it: a change costs the same however many children there are.
 *
 * Watch first, list second: nothing falls between them. Errors with `UNSUPPORTED` on a server before 3.6.
 */
export function directoryByName(client: ZkClient, path: string): Observable<DirectoryChange> {
  return defer(() => {
    const view = new DirectoryView(path);
    const recorded = new Subject<void>();
    const doubted = new Subject<void>();
    const list = orElse('NO_NODE', client.getChildren(path), () => of([]));

    const look = (): void => {
      recorded.next();
      if (view.doubts) doubted.next();
    };
    const settled = defer(() => {
      view.ask();
      return client.exists(path).pipe(map(() => view.settle()));
    }).pipe(repeat({ delay: () => (view.doubts ? of(true) : EMPTY) }));

    return merge(
      client.ended,
      doubted.pipe(exhaustMap(() => settled)),
      // What comes in one packet is told at once.
      recorded.pipe(
        auditTime(0, asapScheduler),
        map(() => view.news()),
      ),
      client
        .watchTree(path, (event) => {
          view.record(event);
          look();
        })
        .pipe(
          switchMap(() => list),
          map((names) => {
            const snapshot = view.begin(names);
            if (view.doubts) asapScheduler.schedule(look);
            return snapshot;
          }),
        ),
    ).pipe(filter((change) => change !== undefined));
  });
}

/** Watches a directory by reading it again whenever it changes: what servers before 3.6 can do. */
export function directoryByReading(client: ZkClient, path: string): Observable<DirectoryChange> {
  return watched(client, path, (fired) =>
    orElse('NO_NODE', client.getChildren(path, fired('children')), () =>
      client.exists(path, fired('node')).pipe(switchMap((stat) => (stat ? AGAIN : of([])))),
    ).pipe(map((names): DirectoryChange => ({ type: 'snapshot', names }))),
  );
}
