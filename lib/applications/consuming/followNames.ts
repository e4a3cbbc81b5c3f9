import { defer, filter, map, merge, type Observable, Subject } from 'rxjs';
import { isFatalError, retryWithBackoff, whileConnected } from '../../connection/index.js';
import type { KeyChange } from '../../internal/mergeKeys.js';
import type { ConnectionState, DirectoryChange } from '../../port/index.js';
import type { ReadingOptions } from './followNode.js';

/**
 * Follows the names in one directory through every reconnect: all of them first, then who comes and goes.
 *
 * An outage says nothing. A directory that may not be read is empty until it can be. Cold; errors only with the connection.
 *
 * @param isWanted - Whether a name counts.
 */
export function followNames(
  connection: Observable<ConnectionState>,
  path: string,
  isWanted: (name: string) => boolean,
  { retry, scheduler, onRefused }: ReadingOptions,
): Observable<KeyChange<string>> {
  return defer(() => {
    const present = new Set<string>();
    let seen = false;
    const take = (change: DirectoryChange): KeyChange<string> => {
      const wanted = (names: readonly string[]): string[] => names.filter(isWanted);
      const now = change.type === 'snapshot' ? new Set(wanted(change.names)) : undefined;
      const gone = now
        ? [...present].filter((name) => !now.has(name))
        : wanted(change.type === 'delta' ? change.removed : []);
      const added = now ? [...now] : wanted(change.type === 'delta' ? change.added : []);
      const left = gone.filter((name) => present.delete(name));
      const come = added.filter((name) => !present.has(name) && present.add(name));
      return { added: come, gone: left };
    };
    return connection.pipe(
      whileConnected((session) => {
        const refusals = new Subject<DirectoryChange>();
        const directory = session.watchDirectory(path, { implied: true }).pipe(
          retryWithBackoff({
            ...retry,
            scheduler,
            isFatal: () => false,
            onRetry: (error) => {
              if (!isFatalError(error)) return;
              onRefused(path, error);
              // What was read before stays as it is.
              if (!seen) refusals.next({ type: 'snapshot', names: [] });
            },
          }),
        );
        return merge(refusals, directory);
      }),
      map(take),
      filter(({ added, gone }) => {
        const isFirst = !seen;
        seen = true;
        return isFirst || added.length > 0 || gone.length > 0;
      }),
    );
  });
}
