import { distinctUntilChanged, type Observable, scan } from 'rxjs';
import { isName } from '../dubbo/index.js';
import type { ConnectionState } from '../port/index.js';
import { type FeedOptions, untilRead } from './valueFeed.js';

/** How a {@link keysFeed} reads. */
export interface KeysFeedOptions extends FeedOptions {
  /** Told of a name that no key can have, each time that it is met. */
  readonly onUnfit: (name: string) => void;
  /** Told when the server does not tell of some keys, because we may not read them. */
  readonly onWithheld: () => void;
}

/** Follows which keys a group has, as complete sets, through every reconnect; as `valueFeed` does a value. */
export function keysFeed(
  path: string,
  connection: Observable<ConnectionState>,
  options: KeysFeedOptions,
): Observable<ReadonlySet<string>> {
  const fit = (name: string): boolean => {
    if (isName(name)) return true;
    options.onUnfit(name);
    return false;
  };
  return untilRead(path, connection, options, (session) => session.watchDirectory(path)).pipe(
    scan((keys: ReadonlySet<string>, change) => {
      if (change.type === 'snapshot') {
        if (change.withheld) options.onWithheld();
        return new Set(change.names.filter(fit));
      }
      const next = new Set(keys);
      for (const name of change.removed) next.delete(name);
      for (const name of change.added.filter(fit)) next.add(name);
      return next;
    }, new Set<string>()),
    distinctUntilChanged((one, other) => one.size === other.size && [...one].every((key) => other.has(key))),
  );
}
