import { createHash } from 'node:crypto';
import {
  asyncScheduler,
  defer,
  finalize,
  map,
  merge,
  type Observable,
  of,
  ReplaySubject,
  type SchedulerLike,
  share,
  Subject,
  Subscription,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
  using,
} from 'rxjs';
import { type Backoff, type BackoffOptions, fullJitter } from '../../connection/index.js';
import { RegistryError } from '../../errors.js';
import { clockOf } from '../../internal/clock.js';
import { debugLog } from '../../internal/debug.js';
import { quoted } from '../../internal/quoted.js';

/** A name and the password that proves it. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Sends one login to a server: emits the token, `undefined` where the server has no authentication enabled. */
export type Authenticate = (credentials: Credentials) => Observable<string | undefined>;

/** What a login returned. It is private: it must not appear in what is logged or inspected. */
export class Token {
  readonly #text: string | undefined;

  constructor(text: string | undefined) {
    this.#text = text;
  }

  /** Adds it to the metadata of a call, unless the server has no authentication enabled. */
  addTo(metadata: { set(name: string, value: string): void }): void {
    if (this.#text !== undefined) metadata.set('token', this.#text);
  }
}

/** A user at one server, as a connection to that server needs them. */
export interface UserAtServer {
  /** The token that the next call shall carry; `undefined` if a login is needed first. */
  readonly token: Token | undefined;
  /** Says that the server has refused a token: nobody uses it any more. */
  discard(refused: Token | undefined): void;
  /** Emits the present token, or else the one that the next login returns; errors if that login fails. */
  logIn(): Observable<Token>;
}

/** How a {@link User} logs in. */
export interface UserOptions extends Credentials {
  /** The waits between attempts to connect: those after a refused login grow ten times as long. */
  readonly reconnect?: BackoffOptions | undefined;
  /** Measures all time. @defaultValue `asyncScheduler` with a monotonic clock */
  readonly scheduler?: SchedulerLike;
}

/** After a refusal the server is left alone for so many times what the login took. */
const REST_FACTOR = 4;
const REFUSED_FACTOR = 10;

/**
 * A user of a cluster: one token for all connections, and at most one login under way at each server.
 *
 * A login costs the server some 100 ms of CPU time, spent also when the client has given up waiting. So a token is kept until a
 * server refuses it, and a login that was sent is waited for, by whoever needs a token meanwhile, however many attempts to
 * connect that takes. A refused login is repeated later and later, and later still while the server is slow.
 */
export class User {
  readonly #credentials: Credentials;
  readonly #scheduler: SchedulerLike;
  readonly #backoff: Backoff;
  /** The logins under way, by server. */
  readonly #logins = new Map<string, Observable<Token>>();
  readonly #received = new Subject<Token>();
  readonly #unused = new Subject<void>();
  readonly #log = debugLog('etcd:login');
  #token: Token | undefined;
  #refusals = 0;
  #restsUntil = 0;
  #uses = 0;

  constructor({ name, password, reconnect: { baseMs = 100, maxMs = 1_500, ...rest } = {}, scheduler }: UserOptions) {
    this.#credentials = { name, password };
    this.#scheduler = scheduler ?? asyncScheduler;
    this.#backoff = fullJitter({ baseMs, maxMs: maxMs * REFUSED_FACTOR, ...rest });
  }

  /** Emits when the last one who used it has left. */
  get unused(): Observable<void> {
    return this.#unused;
  }

  /** Uses it until unsubscribed; logins under way are abandoned when nobody uses it any more. */
  enter(): Subscription {
    this.#uses += 1;
    return new Subscription(() => {
      this.#uses -= 1;
      if (this.#uses === 0) this.#unused.next();
    });
  }

  /** The user at a server, of which there is one for each name. */
  at(server: string, authenticate: Authenticate): UserAtServer {
    const tokenNow = (): Token | undefined => this.#token;
    return {
      get token() {
        return tokenNow();
      },
      discard: (refused) => {
        if (this.#token === refused) this.#token = undefined;
      },
      logIn: () =>
        using(
          () => this.enter(),
          () =>
            this.#token ? of(this.#token) : merge(this.#received, this.#login(server, authenticate)).pipe(take(1)),
        ),
    };
  }

  #login(server: string, authenticate: Authenticate): Observable<Token> {
    const underWay = this.#logins.get(server);
    if (underWay) return underWay;
    const clock = clockOf(this.#scheduler);
    const send = defer(() => {
      const sentAt = clock.now();
      this.#log('%s: log in as %s', server, quoted(this.#credentials.name));
      return authenticate(this.#credentials).pipe(
        tap({
          next: () => this.#log('%s: logged in after %d ms', server, Math.round(clock.now() - sentAt)),
          error: (error: unknown) => this.#failed(server, error, clock.now(), sentAt),
        }),
      );
    });
    const restMs = this.#restsUntil - clock.now();
    const login = (restMs > 0 ? timer(restMs, this.#scheduler).pipe(switchMap(() => send)) : send).pipe(
      take(1),
      map((text) => new Token(text)),
      tap((token) => {
        this.#token = token;
        this.#refusals = 0;
        this.#received.next(token);
      }),
      takeUntil(this.#unused),
      finalize(() => this.#logins.delete(server)),
      // Nobody who stops waiting for it cancels it: the server would go on all the same, and be asked once more.
      share({
        connector: () => new ReplaySubject(1),
        resetOnRefCountZero: false,
        resetOnComplete: false,
        resetOnError: false,
      }),
    );
    this.#logins.set(server, login);
    return login;
  }

  #failed(server: string, error: unknown, now: number, sentAt: number): void {
    this.#log('%s: login failed: %s', server, error instanceof Error ? error.message : error);
    if (!(error instanceof RegistryError && error.code === 'NOT_AUTHORIZED')) return;
    this.#refusals += 1;
    this.#restsUntil = now + Math.max(this.#backoff(this.#refusals), REST_FACTOR * (now - sentAt));
  }
}

/** The users in use, by what tells one from another. */
const inUse = new Map<string, User>();

/**
 * Enters the user that other backends of this process, with the same servers and credentials, have entered already; `own` if
 * there is none.
 */
export function enterTogether(
  own: User,
  servers: readonly string[],
  credentials: Credentials,
): readonly [User, Subscription] {
  const { name, password } = credentials;
  const key = createHash('sha256')
    .update(JSON.stringify([[...servers].sort(), name, password]))
    .digest('hex');
  const known = inUse.get(key);
  if (!known) {
    inUse.set(key, own);
    own.unused.pipe(take(1)).subscribe(() => inUse.delete(key));
  }
  const user = known ?? own;
  return [user, user.enter()];
}
