import { BehaviorSubject, defer, type MonoTypeOperatorFunction, type Observable, tap } from 'rxjs';

/** Counts things by the kind that each of them is at the moment. */
export class Tally<Kind extends string> {
  /** How many there are of each kind. Hot; replays the present counts. */
  readonly counts: Observable<Readonly<Record<Kind, number>>>;
  readonly #counts: BehaviorSubject<Readonly<Record<Kind, number>>>;

  /** @param kinds - All kinds there are. */
  constructor(kinds: readonly Kind[]) {
    this.#counts = new BehaviorSubject(Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>);
    this.counts = this.#counts.asObservable();
  }

  /**
   * Counts each subscription for as long as it lasts, as what its last value says.
   *
   * @param first - What it is before the first value; `undefined` is not counted.
   * @param kindOf - What it is after a value.
   */
  counted<T>(first: Kind | undefined, kindOf: (value: T) => Kind | undefined): MonoTypeOperatorFunction<T> {
    return (source) =>
      defer(() => {
        let present: Kind | undefined;
        const become = (kind: Kind | undefined): void => {
          this.#move(present, kind);
          present = kind;
        };
        become(first);
        return source.pipe(tap({ next: (value) => become(kindOf(value)), finalize: () => become(undefined) }));
      });
  }

  #move(from: Kind | undefined, to: Kind | undefined): void {
    if (from === to) return;
    const counts: Record<Kind, number> = { ...this.#counts.value };
    if (from) counts[from] -= 1;
    if (to) counts[to] += 1;
    this.#counts.next(counts);
  }
}
