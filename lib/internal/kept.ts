import { defer, finalize, type Observable, ReplaySubject, share } from 'rxjs';

/** The stream for a key: shared, the last value replayed, as long as anyone subscribes, and forgotten after. */
export function kept<T>(all: Map<string, Observable<T>>, key: string, make: () => Observable<T>): Observable<T> {
  return defer(() => {
    const present = all.get(key);
    if (present) return present;
    const made: Observable<T> = make().pipe(
      finalize(() => {
        // One who came back while this one ended may have made another.
        if (all.get(key) === made) all.delete(key);
      }),
      share({ connector: () => new ReplaySubject<T>(1) }),
    );
    all.set(key, made);
    return made;
  });
}
