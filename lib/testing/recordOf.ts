import { isObservable, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { ambientScheduler } from './ambientScheduler.js';
import { describeValue } from './describeValue.js';
import { describeTrace } from './trace.js';

/** How {@link recordOf} records. */
export interface RecordOptions<T> {
  /** Measures the times. @defaultValue virtual time inside `TestScheduler.run`, real time elsewhere */
  readonly scheduler?: SchedulerLike | undefined;
  /** Writes a value into the account. @defaultValue states as letters, events with `+`, `~`, `-`, sets as `{addresses}` */
  readonly as?: ((value: T) => string) | undefined;
}

/** Everything that a stream has told since it was subscribed to. */
export interface Recording<T> extends Disposable {
  /** What it told, with the times in milliseconds after the subscription. */
  readonly entries: readonly { readonly atMs: number; readonly value: T }[];
  /** What it told. */
  readonly values: readonly T[];
  /** What it told last; `undefined` before the first. */
  readonly last: T | undefined;
  /** Whether it goes on, has completed, or has errored. */
  readonly status: 'open' | 'completed' | 'errored';
  /** What it errored with. */
  readonly error: unknown;
  /** Unsubscribes. */
  stop(): void;
  /**
   * The whole as one line: `(k c) 12s s 18s l |`.
   *
   * A duration is how long it was quiet, parentheses are what came at one moment, `|` is completion and `#` an error.
   */
  toString(): string;
}

/**
 * Subscribes to a stream at once, and records what it tells.
 *
 * An error is recorded and not thrown: look at `status`, or compare the text.
 *
 * @param source - The stream.
 * @param options - How to record.
 * @throws InvalidOptionError if it is no stream.
 *
 * @example
 * ```ts
 * const states = recordOf(client.registry.states, { scheduler: story.scheduler });
 * story.at('10s', () => client.expire()).pass('20s');
 * expect(String(states)).toBe('(k c) 10s (s l k) 50ms c');
 * ```
 */
export function recordOf<T>(source: Observable<T>, options: RecordOptions<T> = {}): Recording<T> {
  if (!isObservable(source)) throw new InvalidOptionError('source', 'an Observable', source);
  const { scheduler = ambientScheduler, as = describeValue } = options;
  return new StreamRecord(source, scheduler, as);
}

class StreamRecord<T> implements Recording<T> {
  readonly entries: { readonly atMs: number; readonly value: T }[] = [];
  status: 'open' | 'completed' | 'errored' = 'open';
  error: unknown;
  readonly #as: (value: T) => string;
  readonly #subscription: Subscription;
  #endedAtMs = 0;

  constructor(source: Observable<T>, scheduler: SchedulerLike, as: (value: T) => string) {
    this.#as = as;
    const startedAt = scheduler.now();
    const now = (): number => scheduler.now() - startedAt;
    this.#subscription = source.subscribe({
      next: (value) => this.entries.push({ atMs: now(), value }),
      error: (error: unknown) => {
        this.status = 'errored';
        this.error = error;
        this.#endedAtMs = now();
      },
      complete: () => {
        this.status = 'completed';
        this.#endedAtMs = now();
      },
    });
  }

  get values(): readonly T[] {
    return this.entries.map(({ value }) => value);
  }

  get last(): T | undefined {
    return this.entries.at(-1)?.value;
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  toString(): string {
    const entries = this.entries.map(({ atMs, value }) => ({ atMs, text: this.#as(value) }));
    const end = { open: [], completed: ['|'], errored: ['#'] }[this.status];
    return describeTrace([...entries, ...end.map((text) => ({ atMs: this.#endedAtMs, text }))]);
  }
}
