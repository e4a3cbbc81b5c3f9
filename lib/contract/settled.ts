import { isDeepStrictEqual } from 'node:util';
import { eventually } from './eventually.js';

/** What a reading gives when it has stopped changing: what others have left behind may still be on its way out. */
export function settled<T extends NonNullable<unknown>>(read: () => Promise<T>): Promise<T> {
  let last: T | undefined;
  return eventually(
    async () => {
      const now = await read();
      const same = isDeepStrictEqual(now, last);
      last = now;
      return same ? { now } : null;
    },
    { what: 'the same twice', everyMs: 100 },
  ).then(({ now }) => now);
}
