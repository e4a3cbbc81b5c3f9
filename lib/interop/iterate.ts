import { type Observable, Subject, takeUntil } from 'rxjs';
import { InvalidOptionError, RegistryError } from '../errors.js';
import { whenAborted } from '../internal/abort.js';
import { optionsObject, wholeNumber } from '../internal/options.js';
import { Backlog } from './backlog.js';

/**
 * How values are buffered that arrive while the body of the loop runs.
 *
 * - `'latest'` keeps the newest value only: for sets and states, where the newest replaces the others.
 * - `'all'` keeps every value, without a bound: for events, where each counts.
 * - `{ size, whenFull }` keeps up to `size` values. When one more arrives, `'dropOldest'` drops the oldest, `'dropNewest'` drops
 *   the new one, and `'fail'` lets the loop go through what is buffered and then throws a `RegistryError`.
 */
export type IterateBuffer =
  'latest' | 'all' | { readonly size: number; readonly whenFull: 'dropOldest' | 'dropNewest' | 'fail' };

/** Options of {@link iterate}. */
export interface IterateOptions {
  /** How values are buffered that arrive while the body of the loop runs. Required: no default fits all streams. */
  readonly buffer: IterateBuffer;
  /** Ends the loop: it throws the signal's reason at once and drops what is buffered. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an async iterable of an Observable, for `for await` loops.
 *
 * ```text
 *  source                     ^-a--b-c-d-----------e--|
 *  { buffer: 'latest' }         [a ----][d ---]    [e]      each pair of brackets: the body runs with that value
 *  { buffer: 'all' }            [a ----][b ---][c ----][d ---][e ---]
 * ```
 *
 * Cold: each loop subscribes at its first step, and unsubscribes when it ends, by `break`, `return`, `throw` or completion. The
 * source is never slowed down: values that arrive faster than the loop takes them are buffered. When the source completes or
 * errors, the loop first goes through what is buffered, and then ends or throws that error.
 *
 * A loop throws the signal's reason when it is aborted, and a `RegistryError` with the code `TOO_LARGE` when a buffer with
 * `whenFull: 'fail'` overflows.
 *
 * @param source - The Observable to iterate.
 * @param options - How to buffer, and the signal that ends the loop.
 * @throws {@link InvalidOptionError} if `buffer` is not an {@link IterateBuffer}.
 *
 * @example
 * ```ts
 * const instances = registry.instances({ interface: 'com.acme.Users' });
 * for await (const set of iterate(instances, { buffer: 'latest', signal })) await reconfigure(set);
 *
 * for await (const { type, service } of iterate(registry.subscribe(query), { buffer: 'all' })) {
 *   if (type === 'delete') break; // unsubscribes
 * }
 * ```
 */
export function iterate<T>(source: Observable<T>, options: IterateOptions): AsyncIterable<T> {
  const capacity = capacityOf(optionsObject(options, 'an object with buffer').buffer);
  const { signal } = options;
  return { [Symbol.asyncIterator]: () => new Loop(source, capacity, signal) };
}

interface Capacity {
  readonly size: number;
  readonly whenFull: 'dropOldest' | 'dropNewest' | 'fail';
}

const WHEN_FULL: readonly unknown[] = ['dropOldest', 'dropNewest', 'fail'];

function capacityOf(buffer: IterateBuffer): Capacity {
  if (buffer === 'latest') return { size: 1, whenFull: 'dropOldest' };
  if (buffer === 'all') return { size: Infinity, whenFull: 'fail' };
  if (typeof buffer !== 'object' || buffer === null) {
    throw new InvalidOptionError('buffer', "'latest', 'all', or an object with size and whenFull", buffer);
  }
  const { size, whenFull } = buffer;
  wholeNumber('size', size, 1, Number.MAX_SAFE_INTEGER);
  if (!WHEN_FULL.includes(whenFull)) throw new InvalidOptionError('whenFull', WHEN_FULL.join(', '), whenFull);
  return { size, whenFull };
}

/** How the source ended. */
type End = { readonly error: unknown } | 'complete';

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One loop. Only promises that were returned by `next()` reject, so that no rejection goes unhandled. */
class Loop<T> implements AsyncIterator<T, undefined, undefined> {
  readonly #source: Observable<T>;
  readonly #capacity: Capacity;
  readonly #signal: AbortSignal | undefined;
  readonly #backlog = new Backlog<T>();
  readonly #leaving = new Subject<void>();
  #phase: 'new' | 'live' | 'ended' | 'over' = 'new';
  /** How the source ended; in the phase `ended`, this is reported after what is buffered. */
  #end: End = 'complete';
  /** The calls of `next()` that wait for a value; empty while one is buffered. */
  #waiters: Waiter<T>[] = [];

  constructor(source: Observable<T>, capacity: Capacity, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#capacity = capacity;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#phase === 'new') this.#begin();
    if (this.#signal?.aborted && this.#phase !== 'over') {
      this.#backlog.clear();
      this.#finish({ error: this.#signal.reason });
    }
    if (this.#backlog.size > 0) return Promise.resolve({ done: false, value: this.#backlog.take() });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#tellEnd();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#backlog.clear();
    this.#finish('complete');
    this.#phase = 'over';
    this.#tellEnd();
    return Promise.resolve(DONE);
  }

  #begin(): void {
    this.#phase = 'live';
    this.#source.pipe(takeUntil(whenAborted(this.#signal)), takeUntil(this.#leaving)).subscribe({
      next: (value) => this.#take(value),
      error: (error: unknown) => this.#finish({ error }),
      complete: () => {
        if (this.#phase === 'live') this.#finish('complete');
      },
    });
  }

  #take(value: T): void {
    const waiter = this.#waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value });
    const { size, whenFull } = this.#capacity;
    if (this.#backlog.size >= size) {
      if (whenFull === 'dropNewest') return;
      if (whenFull === 'fail') return this.#finish({ error: fallenBehind(size) });
      this.#backlog.take();
    }
    this.#backlog.add(value);
  }

  #finish(end: End): void {
    this.#phase = 'ended';
    this.#end = end;
    this.#leaving.next();
    this.#tellEnd();
  }

  /** Settles the calls of `next()` that wait: the first one gets the error, if there was one, all others `done`. */
  #tellEnd(): void {
    if (this.#phase !== 'ended' && this.#phase !== 'over') return;
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (this.#phase === 'ended' && this.#end !== 'complete') reject(this.#end.error);
      else resolve(DONE);
      this.#phase = 'over';
    }
  }
}

function fallenBehind(size: number): RegistryError {
  return new RegistryError('TOO_LARGE', `The loop fell behind its source by more than ${size} values.`);
}
