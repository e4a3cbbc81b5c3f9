import { Observable, type Subscriber } from 'rxjs';

interface Waiting {
  readonly revision: bigint;
  readonly subscriber: Subscriber<never>;
}

/**
 * How far a watch has got.
 *
 * etcd answers a write and tells the watchers of it on ways of their own. Whoever has the answer shall find what was
 * written in what is watched beside it, as on a server that does both in order.
 */
export class Progress {
  #revision = 0n;
  #over = false;
  #waiting: Waiting[] = [];

  /** Completes when everything up to a revision was told, or the watch is over. */
  reached(revision: bigint): Observable<never> {
    return new Observable((subscriber) => {
      if (this.#over || this.#revision >= revision) return subscriber.complete();
      this.#waiting.push({ revision, subscriber });
    });
  }

  /** Says that everything up to a revision was told. */
  reach(revision: bigint): void {
    this.#revision = revision;
    if (this.#waiting.length > 0) this.#release(({ revision: awaited }) => awaited <= revision);
  }

  /** Says that the watch is over: nobody waits for it any more. */
  end(): void {
    this.#over = true;
    this.#release(() => true);
  }

  #release(isDue: (waiting: Waiting) => boolean): void {
    const due = this.#waiting.filter(isDue);
    this.#waiting = this.#waiting.filter((waiting) => !isDue(waiting));
    for (const { subscriber } of due) subscriber.complete();
  }
}
