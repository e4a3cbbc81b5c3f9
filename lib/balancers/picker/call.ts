import { from, type Observable, tap, throwError } from 'rxjs';
import type { MeteredCall } from '../callMeter.js';
import type { Attempts } from './attempts.js';
import type { Limit } from './deadline.js';
import type { Call, CallContext } from './picker.js';
import type { Member } from './roster.js';

/** What a call is made with. */
export interface CallSettings {
  readonly metered: MeteredCall;
  readonly attempts: Attempts;
  readonly limit: Limit | undefined;
  readonly isFailure: (error: unknown) => boolean;
}

/** Calls one, at once, and sees to it that it is counted as over exactly once, whatever ends it. */
export function callOnce<T>(member: Member, call: Call<T>, settings: CallSettings): Observable<T> {
  const { metered, attempts, limit, isFailure } = settings;
  const context = new Context(limit);
  let isPromise = false;
  let hasAnswered = false;
  let result: Observable<T>;
  try {
    const input = call(member.instance, context);
    result = from(input);
    isPromise = typeof (input as Partial<PromiseLike<T>>).then === 'function';
  } catch (error) {
    result = throwError(() => error);
  }
  return result.pipe(
    tap({
      next: () => {
        hasAnswered = true;
        // A promise is over with its value: who takes that and leaves must not abort what it may still be read from.
        if (isPromise) metered.end(true);
        else metered.answered();
      },
      complete: () => {
        attempts.succeeded();
        metered.end(true);
      },
      error: (error: unknown) => {
        attempts.failedOn(member.key);
        let isOk = false;
        try {
          isOk = !isFailure(error);
        } finally {
          metered.end(isOk);
        }
      },
      unsubscribe: () => {
        const isLate = limit?.isOver ?? false;
        if (hasAnswered && !isLate) attempts.succeeded();
        else attempts.failedOn(member.key);
        if (isPromise && hasAnswered) return;
        if (isLate) metered.end(false);
        else if (hasAnswered) metered.end(true);
        else metered.cancel();
        context.abort();
      },
    }),
  );
}

/** Makes an `AbortSignal` only for calls that look at it. */
class Context implements CallContext {
  readonly #limit: Limit | undefined;
  #controller: AbortController | undefined;

  constructor(limit: Limit | undefined) {
    this.#limit = limit;
  }

  get remainingMs(): number {
    return this.#limit?.remainingMs ?? Infinity;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller?.abort();
  }
}
