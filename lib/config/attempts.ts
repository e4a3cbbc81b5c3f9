import { defer, type Observable, type SchedulerLike, take, tap } from 'rxjs';
import { type BackoffOptions, retryWithBackoff, whileConnected } from '../connection/index.js';
import { RegistryError } from '../errors.js';
import { outcomeOf } from '../internal/outcomeOf.js';
import type { ConnectionState, Session } from '../port/index.js';

/** Trying again would meet the same. */
const FINAL: ReadonlySet<unknown> = new Set(['CONFLICT', 'NOT_EMPTY']);

/** How {@link Attempts} go on. */
export interface AttemptsOptions {
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
}

/** One thing that shall be done on whatever connection there is, as often as it takes to get an answer. */
export class Attempts {
  readonly #options: AttemptsOptions;
  #inDoubt = false;
  #lastFailure: Error | undefined;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Whether something was sent that may have been carried out though its answer never came. */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  get lastFailure(): Error | undefined {
    return this.#lastFailure;
  }

  /** An operation that leaves doubt until its answer comes. */
  send<T>(operation: Observable<T>): Observable<T> {
    return defer(() => {
      const before = this.#inDoubt;
      this.#inDoubt = true;
      const answered = (): void => void (this.#inDoubt = before);
      return operation.pipe(
        tap({
          next: answered,
          error: (error: unknown) => {
            if (outcomeOf(error) === 'refused') answered();
          },
        }),
      );
    });
  }

  /** Tries until there is a value, anew on each connection; errors with what trying again cannot help. */
  until<T>(connection: Observable<ConnectionState>, attempt: (session: Session) => Observable<T>): Observable<T> {
    const { retry, scheduler } = this.#options;
    return connection.pipe(
      whileConnected((session) =>
        defer(() => attempt(session)).pipe(
          retryWithBackoff({
            ...retry,
            ...(scheduler && { scheduler }),
            isFatal: (error) => !(error instanceof RegistryError && error.retriable && !FINAL.has(error.code)),
            onRetry: (error) => (this.#lastFailure = error instanceof Error ? error : undefined),
          }),
        ),
      ),
      take(1),
    );
  }
}
