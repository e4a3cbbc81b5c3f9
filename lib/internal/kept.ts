import { defer, finalize, merge, type Observable, of, share, tap } from 'rxjs';

/** A stream that is shared, and what its last value left for those who come late. */
export interface Kept<T> {
  readonly stream: Observable<T>;
  last: { readonly value: T } | undefined;
}

/**
 * The stream for a key: shared as long as anyone subscribes, and forgotten after. A late subscriber gets what `rest` makes of
 * the last value.
 *
 * @param rest - Given where the value itself is too large to be held as long as nothing changes. @defaultValue the value itself
 */
export function kept<T>(
  all: Map<string, Kept<T>>,
  key: string,
  make: () => Observable<T>,
  rest: (value: T) => T = (value) => value,
): Observable<T> {
  return defer(() => {
    const present = all.get(key);
    if (present) return present.last ? merge(present.stream, of(present.last.value)) : present.stream;
    const made: Kept<T> = {
      stream: make().pipe(
        tap((value) => (made.last = { value: rest(value) })),
        finalize(() => {
          // One who came back while this one ended may have made another.
          if (all.get(key) === made) all.delete(key);
        }),
        share(),
      ),
      last: undefined,
    };
    all.set(key, made);
    return made.stream;
  });
}
