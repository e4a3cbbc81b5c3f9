import { concat, defer, finalize, ignoreElements, type Observable, Subject, tap } from 'rxjs';

/**
 * Has the first key in a directory made before the others: where the directory is missing, all that were sent meanwhile would have
 * been sent in vain, and on a slow link that takes time.
 */
export class FirstIn {
  /** The directories in which something was made, or refused for another reason. */
  readonly #known = new Set<string>();
  readonly #first = new Map<string, Subject<never>>();

  /** Makes something in a directory, after the first one that is made there has been answered. */
  afterFirst<T>(directory: string, make: Observable<T>): Observable<T> {
    return defer((): Observable<T> => {
      if (directory === '/' || this.#known.has(directory)) return make;
      const first = this.#first.get(directory);
      if (first) return concat(first.pipe(ignoreElements()), this.afterFirst(directory, make));
      const done = new Subject<never>();
      this.#first.set(directory, done);
      const answered = (): void => void this.#known.add(directory);
      return make.pipe(
        tap({ next: answered, error: answered }),
        finalize(() => {
          this.#first.delete(directory);
          done.complete();
        }),
      );
    });
  }
}
