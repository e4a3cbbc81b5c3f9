import { defer, filter, map, type Observable } from 'rxjs';
import { whileConnected } from '../../connection/index.js';
import type { KeyChange } from '../../internal/mergeKeys.js';
import type { ConnectionState, DirectoryChange } from '../../port/index.js';
import type { ReadingOptions } from './followNode.js';
import { whileReadable } from './whileReadable.js';

/**
 * Follows the names in one directory through every reconnect: all of them first, then who comes and goes.
 *
 * An outage says nothing. A directory that cannot be read is empty until it can be, with a warning. Cold; errors only with the connection.
 *
 * @param isWanted - Whether a name counts.
 */
export function followNames(
  connection: Observable<ConnectionState>,
  path: string,
  isWanted: (name: string) => boolean,
  options: ReadingOptions,
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
      whileConnected((session) =>
        defer(() => session.watchDirectory(path, { implied: true })).pipe(
          whileReadable<DirectoryChange>({
            ...options,
            path,
            isFirst: () => !seen,
            nothing: { type: 'snapshot', names: [] },
          }),
        ),
      ),
      map(take),
      filter(({ added, gone }) => {
        const isFirst = !seen;
        seen = true;
        return isFirst || added.length > 0 || gone.length > 0;
      }),
    );
  });
}
