import {
  asyncScheduler,
  catchError,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  endWith,
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
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { clockOf } from '../internal/clock.js';
import { debugLog } from '../internal/debug.js';
import type { Backend, BackendWarning, ConnectionState, Session } from '../port/index.js';
import { AttemptCounter } from './attemptCounter.js';
import { type BackoffOptions, fullJitter, longestWait } from './backoff.js';
import { closeDeadline } from './closeDeadline.js';
import { type ConnectionEvent, connectionReducer } from './connectionReducer.js';
import { heartbeat } from './heartbeat.js';
import { late, timeoutError } from './late.js';
import { isFatalError } from './retryWithBackoff.js';
import { NotServedError } from './served.js';

/** One transport connection of a session. */
export interface Link {
  /** The session that it carries: the one asked for if it was resumed, else a new one. */
  readonly session: Session;
  /** Asks the server for a sign of life: emits or completes when it answers. */
  ping(): Observable<unknown>;
  /** How long that may take, as a share of the session timeout; a link may give up sooner. @defaultValue 1/4 */
  readonly answerShare?: number;
  /** Counts the bytes that went over the transport so far, either way. @defaultValue they are not counted */
  readonly bytes?: () => number;
  /** Whether a request is on its way up that is large enough to keep a ping waiting. @defaultValue it never is */
  readonly isSending?: () => boolean;
  /** Told that our own clock gives the session up while the transport goes on: what is under way may be asked for again. */
  readonly outlive?: () => void;
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
 * Emits the link once the server has answered the handshake and a first request (see {@link served}); errors when that fails or
 * the transport drops, with `SESSION_EXPIRED` if the server says that `previous` is over; unsubscribing drops the transport and
 * leaves the session to be resumed. `isLost` says that `previous` may be over by our own clock.
 */
export type OpenLink = (previous: Session | undefined, isLost: boolean) => Observable<Link>;

/** How {@link connect} keeps a connection. */
export interface ConnectOptions {
  /** Names the backend in logs. */
  readonly name: string;
  /** The session timeout that is asked for, in milliseconds: bounds a handshake before one is negotiated. */
  readonly sessionTimeoutMs: number;
  /** The waits between attempts. */
  readonly reconnect?: BackoffOptions;
  /** Where the servers are, for messages. */
  readonly at?: string;
  /** Which registry it is, see {@link Backend.identity}. */
  readonly identity?: string;
  /** Measures all time. @defaultValue `asyncScheduler` with a monotonic clock */
  readonly scheduler?: SchedulerLike;
}

/** The share of the session timeout after which a handshake is late. */
const HANDSHAKE_SHARE = 1 / 4;

/** A server that has never answered is reported after that. */
const SILENT_MS = 2_000;
const CHECK = 'It is still waited for; check that the address is that of such a server, and its port for clients.';

/**
 * For so many session timeouts a link that was lost by our own clock may go on, while bytes flow on it: the answer behind them
 * says whether the session lives. Then another server is tried.
 */
const LOST_LINK_TIMEOUTS = 2;

/** So many connections in a row that were accepted and not served are no coincidence: a restarting server makes one or two. */
const NOT_SERVED_TO_WARN = 3;

/**
 * Keeps one session over as many transports as it takes: a {@link Backend} made of a function that opens a link.
 *
 * ```text
 *  link      up--------x   x  up-------------silent……………………
 *  states    c---------s------c---------------s-------l-k-k-    c: connected, s: suspended, l: lost, k: connecting
 * ```
 *
 * What it adds to a bare transport: tries for ever with full jitter, a bound on every handshake, a ping every sixth of
 * the session timeout whose answer is waited for a quarter of it (so silence is `suspended` within five twelfths), not counting
 * the time in which bytes flow, and `lost` by our own monotonic clock one session timeout after the last acknowledged ping was
 * *sent* (bytes do not count there). A session that our clock gave up is still tried first; only
 * one that the server declared over is replaced.
 *
 * The backoff begins anew with a link that is served, and with a session that ends after it lasted. Connections that are
 * accepted and closed, and sessions that are ended as soon as they begin, are failures: the waits go on growing to `maxMs`. With
 * the defaults (100 ms doubled up to 1500 ms, each wait drawn from 0) ten seconds of them make about 16 attempts.
 */
export function connect(open: OpenLink, options: ConnectOptions): Backend {
  const { name, sessionTimeoutMs, scheduler = asyncScheduler } = options;
  const clock = clockOf(scheduler);
  const backoff = fullJitter(options.reconnect);
  const log = debugLog(`connection:${name}`);
  const closing = new ReplaySubject<void>(1);
  const abandoned = new Subject<void>();
  const warnings = new Subject<BackendWarning>();
  const ends = new Set<Observable<unknown>>();

  const noHandshake = `No handshake with a server of ${name}${options.at === undefined ? '' : ` at ${options.at}`}`;

  const events = new Observable<ConnectionEvent>((subscriber) => {
    let session: Session | undefined;
    let link: Link | undefined;
    let lastCause: Error | undefined;
    let isLost = false;
    let notServed = 0;
    /** Whether it was said that no server answers, or need not be said as one has. */
    let isSilenceTold = false;
    /** Says in good time that the first server is silent: it may be one of another kind, which waits for us. */
    const silence = timer(SILENT_MS, scheduler).pipe(
      tap(() => {
        if (!isSilenceTold)
          warnings.next({ code: 'NOT_SERVED', message: `${noHandshake} for ${SILENT_MS} ms. ${CHECK}` });
        isSilenceTold = true;
      }),
      concatMap(() => NEVER),
    );
    const attempts = new AttemptCounter(longestWait(options.reconnect));
    const proofs = new Subject<{ sentAt: number; timeoutMs: number } | undefined>();
    const overdue = proofs.pipe(
      switchMap((proof) =>
        proof ? timer(Math.max(0, proof.sentAt + proof.timeoutMs - clock.now()), scheduler) : NEVER,
      ),
      map(() => ({
        type: 'overdue' as const,
        cause: timeoutError('No sign of life from the server for a session timeout'),
      })),
      tap(() => {
        isLost = true;
        link?.outlive?.();
        attempts.failed(clock.now());
      }),
      share(),
    );

    /** What a link tells as long as it lasts. */
    const follow = (opened: Link): Observable<ConnectionEvent> => {
      const { session: kept } = opened;
      const { timeoutMs } = kept;
      return merge(
        heartbeat(opened, scheduler).pipe(
          // Of a session timeout ago: it says nothing about now.
          filter((sentAt) => sentAt + timeoutMs > clock.now()),
          concatMap((sentAt): Observable<ConnectionEvent> => {
            const wasLost = isLost;
            isLost = false;
            proofs.next({ sentAt, timeoutMs });
            if (!wasLost) return EMPTY;
            attempts.resumed();
            return of({ type: 'up', session: kept });
          }),
        ),
        overdue.pipe(
          switchMap(({ cause }) =>
            concat(
              of<ConnectionEvent>({ type: 'attempt', cause }),
              late(LOST_LINK_TIMEOUTS * timeoutMs, 'No answer to a ping', scheduler).pipe(takeUntil(proofs)),
            ),
          ),
        ),
      );
    };

    const noteNotServed = (error: NotServedError): void => {
      notServed += 1;
      // A server that gives the reason need not be doubted.
      if (notServed === (isRefusal(error) ? 1 : NOT_SERVED_TO_WARN)) {
        warnings.next({ code: 'NOT_SERVED', message: error.message, cause: error });
      }
    };

    const tryOnce = defer((): Observable<ConnectionEvent> => {
      const sentAt = clock.now();
      return open(session, isLost).pipe(
        raceWith(late((session?.timeoutMs ?? sessionTimeoutMs) * HANDSHAKE_SHARE, noHandshake, scheduler)),
        raceWith(isSilenceTold ? NEVER : silence),
        switchMap((opened) => {
          const replaced = session !== undefined && session !== opened.session;
          if (replaced) attempts.ended(clock.now());
          if (session === opened.session) attempts.resumed();
          else attempts.began(clock.now());
          link = opened;
          session = opened.session;
          lastCause = undefined;
          isLost = false;
          notServed = 0;
          isSilenceTold = true;
          proofs.next({ sentAt, timeoutMs: session.timeoutMs });
          return merge(
            replaced ? anew(new RegistryError('SESSION_EXPIRED', 'The server began another session.')) : EMPTY,
            of<ConnectionEvent>({ type: 'up', session }),
            follow(opened),
          );
        }),
        catchError((error: unknown): Observable<ConnectionEvent> => {
          if (isFatalError(error)) return throwError(() => error);
          const cause = error instanceof Error ? error : new Error(String(error));
          link = undefined;
          lastCause = cause;
          attempts.failed(clock.now());
          if (cause instanceof NotServedError) noteNotServed(cause);
          if (!(cause instanceof RegistryError && cause.code === 'SESSION_EXPIRED')) return of({ type: 'down', cause });
          session = undefined;
          proofs.next(undefined);
          attempts.ended(clock.now());
          return of({ type: 'expired', cause });
        }),
        // A link goes on: what it carries may be the answer that is waited for.
        takeUntil(overdue.pipe(filter(() => link === undefined))),
      );
    });

    const tries = concat(
      defer(() => of<ConnectionEvent>({ type: 'attempt', ...(lastCause && { cause: lastCause }) })),
      tryOnce,
    ).pipe(
      repeat({
        delay: () => timer(backoff(attempts.next()), scheduler),
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
    ...(options.identity !== undefined && { identity: options.identity }),
    scheduler,
    states,
    warnings: warnings.asObservable(),
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

/** Whether the server said that it does not serve us, and why. */
function isRefusal({ cause }: Error): boolean {
  const reason = cause instanceof Error ? cause.cause : undefined;
  return reason instanceof RegistryError && reason.code === 'NOT_AUTHORIZED';
}
