import { NEVER } from 'rxjs';
import type { Session } from '../../lib/port/index.js';

/** A session of which nothing is asked. */
export function fakeSession(id: string, timeoutMs = 12_000): Session {
  const silent = () => NEVER;
  return {
    id,
    timeoutMs,
    nodes: {
      create: silent,
      takeOver: silent,
      move: silent,
      read: silent,
      write: silent,
      remove: silent,
      watch: silent,
    },
    owned: silent,
    sync: silent,
    makeDirectory: silent,
    create: silent,
    takeOver: silent,
    move: silent,
    read: silent,
    list: silent,
    write: silent,
    remove: silent,
    watchNode: silent,
    watchDirectory: silent,
    watchDirectories: silent,
  };
}
