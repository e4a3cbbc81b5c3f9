import {
  asyncScheduler,
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  distinctUntilChanged,
  EMPTY,
  endWith,
  exhaustMap,
  filter,
  finalize,
  firstValueFrom,
  ignoreElements,
  map,
  merge,
  NEVER,
  Observable,
  of,
  raceWith,
  repeat,
  ReplaySubject,
  scan,
  type SchedulerLike,
  share,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { clockOf } from '../internal/clock.js';
import { debugLog } from '../internal/debug.js';
import type { Backend, ConnectionState, Session } from '../port/index.js';
import { type BackoffOptions, fullJitter } from './backoff.js';
import { closeDeadline } from './closeDeadline.js';
import { type ConnectionEvent, connectionReducer } from './connectionReducer.js';
import { isFatalError } from './retryWithBackoff.js';

/** One transport connection of a session. */
export interface Link {
  /** The session that it carries: the one asked for if it was resumed, else a new one. */
  readonly session: Session;
  /** Asks the server for a sign of life: emits or completes when it answers. */
  ping(): Observable<unknown>;
  /**
   * Ends the session on the server, completes when that is acknowledged, and closes the transport.
   *
   * From its subscription on the transport is its own: unsubscribing from the link leaves it alone.
   */
  end(): Observable<unknown>;
}

/**
 * Opens one transport connection, carrying on `previous` if there is one.
 *
 * Emits the link once the server has answered the handshake; errors when that fails or the transport drops, with
 * `SESSION_EXPIRED` if the server says that `previous` is over; unsubscribing drops the transport and leaves the
 * session to be resumed.
 */
export type OpenLink = (previous: Session | undefined) => Observable<Link>;

/** How {@link connect} keeps a connection. */
export interface ConnectOptions {
  /** Names the backend in logs. */
  readonly name: string;
  /** The session timeout that is asked for, in milliseconds: bounds a handshake before one is negotiated. */
  readonly sessionTimeoutMs: number;
  /** The waits between attempts. */
  readonly reconnect?: BackoffOptions;
  /** Measures all time. @defaultValue `asyncScheduler` with a monotonic clock */
  readonly scheduler?: SchedulerLike;
}

/** Shares of the session timeout after which a handshake, and the answer to a ping, are late; and between two pings. */
const HANDSHAKE_SHARE = 1 / 4;
const ANSWER_SHARE = 1 / 4;
const PING_SHARE = 1 / 6;

/**
 * Keeps one session over as many transports as it takes: a {@link Backend} made of a function that opens a link.
 *
 * ```text
 *  link      up--------x   x  up-------------silent……………………
 *  states    c---------s------c---------------s-------l-k-k-    c: connected, s: suspended, l: lost, k: connecting
 * ```
 *
 * What it adds to a bare transport: tries for ever with full jitter, a bound on every handshake, a ping every sixth of
 * the session timeout whose answer is waited for a quarter of it (so silence is `suspended` within five twelfths), and
 * `lost` by our own monotonic clock one session timeout after the last acknowledged ping was *sent*. A session that our
 * clock gave up is still tried first; only one that the server declared over is replaced.
 */
export function connect(open: OpenLink, options: ConnectOptions): Backend {
  const { name, sessionTimeoutMs, scheduler = asyncScheduler } = options;
  const clock = clockOf(scheduler);
  const backoff = fullJitter(options.reconnect);
  const log = debugLog(`connection:${name}`);
  const closing = new ReplaySubject<void>(1);
  const abandoned = new Subject<void>();
  const ends = new Set<Observable<unknown>>();

  const events = new Observable<ConnectionEvent>((subscriber) => {
    let session: Session | undefined;
    let link: Link | undefined;
    let attempt = 0;
    let lastCause: Error | undefined;
    const proofs = new Subject<{ sentAt: number; timeoutMs: number } | undefined>();
    const overdue = proofs.pipe(
      switchMap((proof) =>
        proof ? timer(Math.max(0, proof.sentAt + proof.timeoutMs - clock.now()), scheduler) : NEVER,
      ),
      map((): ConnectionEvent => ({
        type: 'overdue',
        cause: timeoutError('No sign of life from the server for a session timeout'),
      })),
      share(),
    );

    const pings = (opened: Link): Observable<never> => {
      const { timeoutMs } = opened.session;
      return timer(timeoutMs * PING_SHARE, timeoutMs * PING_SHARE, scheduler).pipe(
        exhaustMap(() => {
          const sentAt = clock.now();
          return opened.ping().pipe(
            defaultIfEmpty(undefined),
            take(1),
            raceWith(late(timeoutMs * ANSWER_SHARE, 'No answer to a ping', scheduler)),
            tap(() => proofs.next({ sentAt, timeoutMs })),
          );
        }),
        ignoreElements(),
      );
    };

    const tryOnce = defer((): Observable<ConnectionEvent> => {
      const sentAt = clock.now();
      return open(session).pipe(
        raceWith(late((session?.timeoutMs ?? sessionTimeoutMs) * HANDSHAKE_SHARE, 'No handshake', scheduler)),
        switchMap((opened) => {
          const replaced = session !== undefined && session !== opened.session;
          link = opened;
          session = opened.session;
          attempt = 0;
          lastCause = undefined;
          proofs.next({ sentAt, timeoutMs: session.timeoutMs });
          return merge(
            replaced ? anew(new RegistryError('SESSION_EXPIRED', 'The server began another session.')) : EMPTY,
            of<ConnectionEvent>({ type: 'up', session }),
            pings(opened),
          );
        }),
        catchError((error: unknown): Observable<ConnectionEvent> => {
          if (isFatalError(error)) return throwError(() => error);
          const cause = error instanceof Error ? error : new Error(String(error));
          link = undefined;
          lastCause = cause;
          if (!(cause instanceof RegistryError && cause.code === 'SESSION_EXPIRED')) return of({ type: 'down', cause });
          session = undefined;
          proofs.next(undefined);
          // The server is there and has told us so: what is left to do is to begin anew, not to wait.
          attempt = 0;
          return of({ type: 'expired', cause });
        }),
        takeUntil(overdue.pipe(tap(() => (link = undefined)))),
      );
    });

    const tries = concat(
      defer(() => of<ConnectionEvent>({ type: 'attempt', ...(lastCause && { cause: lastCause }) })),
      tryOnce,
    ).pipe(
      repeat({
        delay: () => {
          attempt += 1;
          return timer(backoff(attempt), scheduler);
        },
      }),
    );

    // Added first so that it runs first: the session must be ended before the transport that carries it is dropped.
    subscriber.add(() => {
      if (link) endOf(link);
    });
    subscriber.add(
      merge(overdue, tries)
        .pipe(tap((event) => log('%s %s', event.type, 'cause' in event ? event.cause?.message : '')))
        .subscribe(subscriber),
    );
  });

  const states = events.pipe(
    scan(connectionReducer, undefined),
    filter((state): state is ConnectionState => state !== undefined),
    distinctUntilChanged(),
    tap((state) => log('→ %s', state.status)),
    takeUntil(closing),
    endWith<ConnectionState>({ status: 'closed' }),
    share({ connector: () => new ReplaySubject(1), resetOnComplete: false }),
  );

  function endOf(link: Link): void {
    const done = new ReplaySubject<never>(1);
    ends.add(done);
    link
      .end()
      .pipe(
        ignoreElements(),
        catchError(() => EMPTY),
        finalize(() => ends.delete(done)),
        // After that the server has ended the session by itself.
        takeUntil(merge(abandoned, timer(link.session.timeoutMs, scheduler))),
      )
      .subscribe(done);
  }

  return {
    name,
    scheduler,
    states,
    close: (deadlineMs) => {
      const withinMs = closeDeadline(deadlineMs);
      closing.next();
      return firstValueFrom(
        merge(...ends).pipe(
          ignoreElements(),
          takeUntil(timer(withinMs, scheduler).pipe(tap(() => abandoned.next()))),
          endWith(undefined),
        ),
      );
    },
  };
}

/** What happened if a new session came where the old one was asked for. */
function anew(cause: Error): Observable<ConnectionEvent> {
  return of<ConnectionEvent[]>({ type: 'expired', cause }, { type: 'attempt', cause });
}

/**
 * Errors after `ms` milliseconds.
 *
 * In two steps, so that what arrived while this process stood still is read before the verdict: when it goes on, overdue
 * timers come first.
 */
function late(ms: number, what: string, scheduler: SchedulerLike): Observable<never> {
  return timer(ms * 0.9, scheduler).pipe(
    switchMap(() => timer(ms * 0.1, scheduler)),
    switchMap(() => throwError(() => timeoutError(`${what} within ${ms} ms`))),
  );
}

function timeoutError(message: string): RegistryError {
  return new RegistryError('TIMEOUT', `${message}.`);
}
