import type { Session } from '../../lib/index.js';
import { watchEachDirectory } from '../../lib/port/index.js';

/** A session of which nothing is asked but to watch directories. */
export function sessionOn(watchDirectory: Session['watchDirectory']): Session {
  return {
    watchDirectory,
    watchDirectories: (changes) => watchEachDirectory(changes, watchDirectory),
  } as Session;
}
