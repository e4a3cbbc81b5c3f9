import { defer, distinctUntilChanged, map, type Observable, type SchedulerLike, tap } from 'rxjs';
import { type BackoffOptions, whileConnected } from '../../connection/index.js';
import type { ServiceUrl } from '../../dubbo/index.js';
import type { ConnectionState, RegistryNode } from '../../port/index.js';
import { whileReadable } from './whileReadable.js';

/** How the level of applications is read. */
export interface ReadingOptions {
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
  /** Makes of each service that is read what counts. @defaultValue the service itself */
  readonly refine?: (url: ServiceUrl) => ServiceUrl;
  /** Told of what may not be read; it is tried again. */
  readonly onRefused: (path: string, error: unknown) => void;
  /** Told of what cannot be read, which is left out. */
  readonly onUnreadable: (path: string, error: unknown) => void;
}

/**
 * Follows one node through every reconnect: what it is, `undefined` for absent, and again whenever that has changed.
 *
 * An outage says nothing. A node that cannot be read is absent until it can be, with a warning. Cold; errors only with the connection.
 */
export function followNode(
  connection: Observable<ConnectionState>,
  path: string,
  options: ReadingOptions,
): Observable<RegistryNode | undefined> {
  return defer(() => {
    let seen = false;
    return connection.pipe(
      whileConnected((session) =>
        defer(() => session.watchNode(path)).pipe(
          whileReadable<RegistryNode | undefined>({ ...options, path, isFirst: () => !seen, nothing: undefined }),
        ),
      ),
      tap(() => (seen = true)),
      map((node) => ({ node, said: node && `${node.version} ${node.owner ?? ''}` })),
      distinctUntilChanged((a, b) => a.said === b.said),
      map(({ node }) => node),
    );
  });
}
