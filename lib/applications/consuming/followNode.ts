import { defer, distinctUntilChanged, map, merge, type Observable, type SchedulerLike, Subject, tap } from 'rxjs';
import { type BackoffOptions, isFatalError, retryWithBackoff, whileConnected } from '../../connection/index.js';
import type { ConnectionState, RegistryNode } from '../../port/index.js';

/** How the level of applications is read. */
export interface ReadingOptions {
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
  /** Told of what may not be read; it is tried again. */
  readonly onRefused: (path: string, error: unknown) => void;
  /** Told of what cannot be read, which is left out. */
  readonly onUnreadable: (path: string, error: unknown) => void;
}

/**
 * Follows one node through every reconnect: what it is, `undefined` for absent, and again whenever that has changed.
 *
 * An outage says nothing. A node that may not be read is absent until it can be. Cold; errors only with the connection.
 */
export function followNode(
  connection: Observable<ConnectionState>,
  path: string,
  { retry, scheduler, onRefused }: ReadingOptions,
): Observable<RegistryNode | undefined> {
  return defer(() => {
    let seen = false;
    return connection.pipe(
      whileConnected((session) => {
        const refusals = new Subject<undefined>();
        const node = session.watchNode(path).pipe(
          retryWithBackoff({
            ...retry,
            scheduler,
            isFatal: () => false,
            onRetry: (error) => {
              if (!isFatalError(error)) return;
              onRefused(path, error);
              // What was read before stays as it is.
              if (!seen) refusals.next(undefined);
            },
          }),
        );
        return merge(refusals, node);
      }),
      tap(() => (seen = true)),
      map((node) => ({ node, said: node && `${node.version} ${node.owner ?? ''}` })),
      distinctUntilChanged((a, b) => a.said === b.said),
      map(({ node }) => node),
    );
  });
}
