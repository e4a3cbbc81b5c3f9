import {
  asyncScheduler,
  defer,
  EMPTY,
  endWith,
  firstValueFrom,
  ignoreElements,
  merge,
  Observable,
  ReplaySubject,
  type SchedulerLike,
  type Subscriber,
  Subscription,
  takeUntil,
  tap,
  throwError,
  throwIfEmpty,
  timeout,
  timer,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { whenAborted } from '../internal/abort.js';
import { clockOf } from '../internal/clock.js';
import { debugLog } from '../internal/debug.js';
import { legible, shownError } from '../internal/legible.js';
import { milliseconds } from '../internal/options.js';
import type { BackendWarning, ConnectionState } from '../port/index.js';
import { closeDeadline } from './closeDeadline.js';
import { type ConnectionHealth, connectionHealth } from './connectionHealth.js';
import type { SharedBackend } from './sharedBackend.js';

/** How a single call of a promise-returning method behaves. */
export interface CallOptions {
  /** Gives the call up, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, in milliseconds. @defaultValue the `timeoutMs` of what is called */
  readonly timeoutMs?: number | undefined;
}

/** How a {@link KeptConnection} is. */
export interface KeptConnectionOptions {
  /** What it is to those who use it, for messages: `registry`. */
  readonly name: string;
  /** Where it logs. */
  readonly area: string;
  readonly timeoutMs: number | undefined;
  /** Told of what the backend warns of. */
  readonly warn: (warning: BackendWarning) => void;
}

/** How long calls wait, unless something else is said. */
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * A connection that is made at the first use and kept until it is closed, with what every use of it has in common: streams
 * that end with it, promises that are kept in time or say why not.
 */
export class KeptConnection {
  readonly states: Observable<ConnectionState>;
  /** The present health and each one after it. Hot; replays; completes when this is closed, and never errors. */
  readonly health: Observable<ConnectionHealth>;
  readonly timeoutMs: number;
  readonly #backend: SharedBackend;
  readonly #name: string;
  readonly #warn: (warning: BackendWarning) => void;
  readonly #closing = new ReplaySubject<void>(1);
  /** The streams that end with this; there may be ten thousand, and leaving a set costs the same for each. */
  readonly #open = new Set<Subscriber<unknown>>();
  readonly #log: (format: string, ...values: unknown[]) => void;
  #holding = Subscription.EMPTY;
  #state: ConnectionState | undefined;
  #health: ConnectionHealth | undefined;
  readonly #healths = new ReplaySubject<ConnectionHealth>(1);
  /** Why no server serves us, where the state does not say so yet. */
  #notServed: RegistryError | undefined;
  #closed: Promise<void> | undefined;

  constructor(backend: SharedBackend, { name, area, timeoutMs, warn }: KeptConnectionOptions) {
    this.#backend = backend;
    this.#warn = warn;
    this.#name = name;
    this.timeoutMs = milliseconds('timeoutMs', timeoutMs, DEFAULT_TIMEOUT_MS);
    this.#log = debugLog(area);
    this.states = defer(() => {
      this.#hold();
      return backend.states.pipe(tap((state) => legible(state, 'ConnectionState', shownState)));
    });
    this.health = defer(() => {
      this.#hold();
      return this.#healths;
    });
  }

  get scheduler(): SchedulerLike {
    return this.#backend.scheduler ?? asyncScheduler;
  }

  /** How the connection is, as far as anybody has used it. */
  get status(): string {
    return this.#state?.status ?? (this.isClosed ? 'closed' : 'not used');
  }

  /** Whether it is closed, or about to be. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** A stream that completes when this is closed, and errors with `CLOSED` after that. */
  whileOpen<T>(source: Observable<T>): Observable<T> {
    return new Observable<T>((subscriber) => {
      if (this.#closed) return subscriber.error(new RegistryError('CLOSED', `The ${this.#name} is closed.`));
      this.#open.add(subscriber);
      subscriber.add(() => this.#open.delete(subscriber));
      source.subscribe(subscriber);
    });
  }

  /**
   * The first value of a stream; rejects with `TIMEOUT`, `CLOSED` or the signal's reason if there is none.
   *
   * @param lastFailure - What went wrong last, where that is not the connection.
   */
  settle<T>(
    source: Observable<T>,
    what: string,
    options: CallOptions = {},
    lastFailure?: () => Error | undefined,
  ): Promise<T> {
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs, this.timeoutMs);
    options.signal?.throwIfAborted();
    const given = whenAborted(options.signal).pipe(takeUntil(this.#closing));
    return firstValueFrom(
      this.within(timeoutMs, merge(this.whileOpen(source), given), what, lastFailure).pipe(
        takeUntil(this.#closing),
        throwIfEmpty(() => new RegistryError('CLOSED', `The ${this.#name} was closed while it waited for ${what}.`)),
      ),
    );
  }

  /** Errors with `TIMEOUT`, and says how the connection is, if a stream does not begin in time. */
  within<T>(
    timeoutMs: number,
    source: Observable<T>,
    what: string,
    lastFailure?: () => Error | undefined,
  ): Observable<T> {
    return source.pipe(
      timeout({
        first: timeoutMs,
        scheduler: this.scheduler,
        with: () => throwError(() => this.#timeoutError(what, timeoutMs, lastFailure?.())),
      }),
    );
  }

  /**
   * Ends every stream, lets `last` be done while there is time, and then leaves the connection. Again and again is the same.
   *
   * @param leavesNodes - Whether there are nodes then that must go with the session.
   * @throws InvalidOptionError if `deadlineMs` is not a number of milliseconds.
   */
  close(
    deadlineMs: number | undefined,
    last: Observable<unknown> = EMPTY,
    leavesNodes: () => boolean = () => false,
  ): Promise<void> {
    const ms = closeDeadline(deadlineMs);
    return (this.#closed ??= this.#close(ms, last, leavesNodes));
  }

  async #close(deadlineMs: number, last: Observable<unknown>, leavesNodes: () => boolean): Promise<void> {
    const clock = clockOf(this.scheduler);
    const deadline = clock.now() + deadlineMs;
    this.#log('closing');
    // `close` must have returned before a stream ends, so that whoever ends with it finds it closed.
    await Promise.resolve();
    this.#closing.next();
    for (const subscriber of this.#open) subscriber.complete();
    await firstValueFrom(last.pipe(ignoreElements(), takeUntil(timer(deadlineMs, this.scheduler)), endWith(undefined)));
    await this.#backend.close(Math.max(0, deadline - clock.now()), leavesNodes());
    this.#holding.unsubscribe();
    this.#tellHealth({ status: 'closed' });
    this.#healths.complete();
    this.#log('closed');
  }

  /** Keeps the connection from the first use on: what is taken back later still needs it. */
  #hold(): void {
    if (!this.#holding.closed || this.#closed) return;
    const holding = new Subscription();
    this.#holding = holding;
    holding.add(
      this.#backend.warnings?.subscribe((warning) => {
        if (warning.code === 'NOT_SERVED') this.#notServed = new RegistryError('CONNECTION_LOST', warning.message);
        this.#warn(warning);
      }),
    );
    holding.add(
      this.#backend.states.subscribe({
        next: (state) => {
          this.#state = state;
          this.#tellHealth(state);
        },
        error: (cause: unknown) => {
          holding.unsubscribe();
          this.#tellHealth({ status: 'refused', cause });
        },
      }),
    );
    // A backend may have to be loaded before it tells its first state.
    if (!this.#health) this.#tellHealth({ status: 'connecting', attempt: 1 });
  }

  #tellHealth(state: Parameters<typeof connectionHealth>[1]): void {
    if (state.status === 'closed' && this.#health?.status === 'closed') return;
    this.#health = connectionHealth(this.#health, state, this.scheduler.now());
    this.#healths.next(this.#health);
  }

  #timeoutError(what: string, timeoutMs: number, failure: Error | undefined): RegistryError {
    const notServed = this.#state?.status === 'connecting' ? this.#notServed : undefined;
    const cause = this.#state && 'cause' in this.#state ? this.#state.cause : (failure ?? notServed);
    const why = `the connection is ${this.#state?.status ?? 'not there'}${cause ? ` (${cause.message.replace(/\.$/, '')})` : ''}`;
    return new RegistryError('TIMEOUT', `Waited ${timeoutMs} ms for ${what}; ${why}.`, cause ? { cause } : {});
  }
}

function shownState(state: ConnectionState): Record<string, unknown> {
  return { ...state, ...('cause' in state && { cause: shownError(state.cause) }) };
}
