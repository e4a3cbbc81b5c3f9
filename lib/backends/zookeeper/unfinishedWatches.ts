import { Observable, type Subscriber, type Subscription, timer } from 'rxjs';

/**
 * Lets watches that are left before their first answer, because our own clock gave the session up, go on: for whoever asks for
 * the same again soon after the answer.
 *
 * The names of a large directory may take longer on a slow link than we can vouch for the session. Then `lost` ends all work,
 * though the answer is on its way; when it has come, the session goes on, and all work begins anew. Without this it would
 * begin with the same request, and never come further.
 */
export class UnfinishedWatches<T> {
  readonly #graceMs: number;
  readonly #left = new Map<string, Watch<T>>();
  #keeps = false;

  /** @param graceMs - how long what was answered is kept for somebody to ask for it */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** Keeps the watches that are left from now on, until the next one is asked for. */
  keep(): void {
    this.#keeps = true;
  }

  /** A watch like `source`: the unfinished one of that name, if there is one. */
  watch(name: string, source: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      this.#keeps = false;
      const left = this.#left.get(name);
      this.#left.delete(name);
      const watch = left ?? new Watch(source);
      watch.attach(subscriber);
      return () => {
        if (this.#keeps && watch.isUnfinished && !this.#left.has(name)) this.#leave(name, watch);
        else watch.stop();
      };
    });
  }

  #leave(name: string, watch: Watch<T>): void {
    const forget = (): void => {
      if (this.#left.get(name) !== watch) return;
      this.#left.delete(name);
      watch.stop();
    };
    this.#left.set(name, watch);
    watch.detach((isOver) => (isOver ? forget() : timer(this.#graceMs).subscribe(forget)));
  }
}

/** A watch that can go on without a subscriber. */
class Watch<T> {
  readonly #untold: T[] = [];
  readonly #running: Subscription;
  #subscriber: Subscriber<T> | undefined;
  #whenAnswered: ((isOver: boolean) => void) | undefined;
  #error: { readonly reason: unknown } | undefined;
  #hasTold = false;

  constructor(source: Observable<T>) {
    this.#running = source.subscribe({
      next: (value) => {
        if (this.#subscriber) return this.#tell(value);
        this.#untold.push(value);
        if (this.#untold.length === 1) this.#whenAnswered?.(false);
      },
      error: (reason: unknown) => {
        this.#error = { reason };
        this.#subscriber?.error(reason);
        if (!this.#subscriber) this.#whenAnswered?.(true);
      },
    });
  }

  /** Whether it has told nobody anything yet. */
  get isUnfinished(): boolean {
    return !this.#hasTold && !this.#error;
  }

  attach(subscriber: Subscriber<T>): void {
    this.#subscriber = subscriber;
    this.#whenAnswered = undefined;
    for (const value of this.#untold.splice(0)) this.#tell(value);
    if (this.#error) subscriber.error(this.#error.reason);
  }

  /** Goes on without a subscriber; `whenAnswered` is called when there is something to tell, or when it is over. */
  detach(whenAnswered: (isOver: boolean) => void): void {
    this.#subscriber = undefined;
    this.#whenAnswered = whenAnswered;
  }

  stop(): void {
    this.#running.unsubscribe();
  }

  #tell(value: T): void {
    this.#hasTold = true;
    this.#subscriber?.next(value);
  }
}
