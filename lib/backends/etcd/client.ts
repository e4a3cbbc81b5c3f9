import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Etcd3 } from 'etcd3';
import type {
  ICompare,
  IDuplexStream,
  IKeyValue,
  IRequestOp,
  ITxnResponse,
  IWatchRequest,
  IWatchResponse,
} from 'etcd3';
import {
  catchError,
  concat,
  defer,
  finalize,
  from,
  identity,
  ignoreElements,
  interval,
  map,
  merge,
  type MonoTypeOperatorFunction,
  NEVER,
  Observable,
  of,
  Subject,
  type Subscriber,
  type Subscription,
  switchMap,
  take,
  tap,
  throwError,
  timeout,
} from 'rxjs';
import { FailureSignal } from '../../internal/failureSignal.js';
import { RegistryError } from '../../errors.js';
import { isAnswer } from '../../internal/isAnswer.js';
import { CallMonitor, type InterceptedCall, kindOf } from './callMonitor.js';
import { CallWindow } from './callWindow.js';
import {
  CompactedError,
  INVALID_TOKEN,
  isAuthDisabled,
  isDenied,
  isLeaseKnown,
  isLoginNeeded,
  REFUSED_TOKEN,
  toRegistryError,
} from './errors.js';
import type { TlsCredentials } from '../shared/tls.js';
import type { Credentials, UserAtServer } from './user.js';

// This is the one file that knows etcd3. Of etcd3 it uses the typed raw clients: its own watcher loses events, its own lease
// can keep a released key alive, and its retries send a write again that was carried out. One client object is used for one
// connection to one server; which server is next, when, and what is tried again is decided above, once for all backends.

/** What is known of a key. */
export interface KeyState {
  readonly key: Buffer;
  readonly value: Buffer;
  /** The revision that wrote it last. */
  readonly revision: bigint;
  /** The revision that made it. */
  readonly madeAt: bigint;
  /** How often it was written since. */
  readonly writes: bigint;
  /** The lease it goes with; `0` for none. */
  readonly lease: string;
}

/** What a transaction did. */
export interface TxnResult {
  readonly succeeded: boolean;
  readonly revision: bigint;
  /** What each range of the branch that was taken found, in order; empty for what is not a range. */
  readonly found: readonly (readonly KeyState[])[];
}

/** A transaction: what must hold, and what is done then or otherwise. */
export interface Txn {
  readonly compare: readonly ICompare[];
  readonly success: readonly IRequestOp[];
  readonly failure?: readonly IRequestOp[];
}

/** One page of a range. */
export interface Page {
  readonly keys: readonly KeyState[];
  readonly revision: bigint;
  readonly more: boolean;
}

/** How {@link openClient} opens a connection. */
export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsCredentials;
  /** Who we are; nobody, or whom the certificate names, if missing. */
  readonly user?: UserAtServer;
  /** How long one call may wait for its answer. */
  readonly callTimeoutMs: number;
  /** A server that serves nothing for half of it is left. */
  readonly sessionTimeoutMs: number;
  /** How many calls may be under way at once. */
  readonly callWindow: number;
  /** What is set on the channel. */
  readonly channel: Readonly<Record<string, string | number>>;
}

/** A stream of requests and answers. */
export interface Duplex<I, O> {
  readonly answers: Observable<O>;
  readonly write: (request: I) => void;
}

/** What an interceptor is told of a call. */
interface InterceptedOptions {
  readonly method_definition: { readonly path: string; readonly requestStream: boolean };
  readonly isProbe?: boolean;
}

/** Calls go through once: what is tried again is decided by those who know whether it may be. */
const ONCE = { execute: (call: (context: object) => unknown) => call({}) };

/** What of the one host of an `Etcd3` is used though it is not documented. */
interface Host {
  resetAllServices(): void;
  channelCredentials: { _createSecureConnector?: (...args: unknown[]) => Connector };
}
interface Connector {
  waitForReady(): Promise<void>;
  connect(socket: Socket): Promise<unknown>;
}

let connections = 0;

/** The session timeout is counted in ticks, or what one call may take if that is less. */
const TICKS = 12;
/** How much of the session timeout calls may be made in vain: the rest is for another server. */
const VAIN_SHARE = 1 / 2;
/** What takes longer than the one share of the session timeout is no reason to call more often, the other is one to call less. */
const [FAST_SHARE, SLOW_SHARE] = [1 / 12, 1 / 6];

/** How often one call is repeated, each time after a login, before the connection is given up. */
const MOST_LOGINS = 3;

/** Opens a connection to one server: emits it at once, errors when it breaks; unsubscribing drops it. */
export function openClient(options: ClientOptions): Observable<EtcdClient> {
  return new Observable((subscriber) => {
    const client = new EtcdClient(options, subscriber);
    subscriber.next(client);
    return () => client.drop();
  });
}

/** Sends one login over a connection of its own; `undefined` where the server has no authentication enabled. */
export function authenticate(options: ClientOptions, credentials: Credentials): Observable<string | undefined> {
  return openClient(options).pipe(
    switchMap((client) => client.authenticate(credentials)),
    take(1),
  );
}

/** One connection to one server. */
export class EtcdClient {
  readonly #etcd: Etcd3;
  readonly #closeServices: () => void;
  readonly #sockets = new Set<Socket>();
  readonly #options: ClientOptions;
  readonly #subscriber: Subscriber<EtcdClient>;
  readonly #ended = new FailureSignal();
  readonly #outstanding = new Set<Subscriber<never>>();
  readonly #waiting = new Set<() => void>();
  readonly #monitor: CallMonitor;
  readonly #ticks: Subscription;
  readonly #window: CallWindow;
  #loginMs: number | undefined;
  #over: RegistryError | undefined;
  #ending = false;

  constructor(options: ClientOptions, subscriber: Subscriber<EtcdClient>) {
    const { host, port, tls, channel } = options;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#window = new CallWindow({
      most: options.callWindow,
      fastMs: options.sessionTimeoutMs * FAST_SHARE,
      slowMs: options.sessionTimeoutMs * SLOW_SHARE,
      now: () => performance.now(),
    });
    this.#etcd = new Etcd3({
      hosts: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      ...(tls && { credentials: credentialsOf(tls) }),
      // A number of its own keeps each connection from sharing the socket, and the waiting time, of one that failed.
      grpcOptions: { ...channel, 'rx-registry.connection': (connections += 1) },
      defaultCallOptions: { interceptors: [this.#intercept as never] },
      faultHandling: { host: () => ONCE as never, global: ONCE as never },
    });
    const target = hostOf(this.#etcd);
    const closeServices = target.resetAllServices.bind(target);
    // etcd3 would close the channels of all services whenever one call fails, and break those that are being made.
    target.resetAllServices = () => undefined;
    this.#closeServices = () => {
      target.resetAllServices = closeServices;
      this.#etcd.close();
    };
    this.#keepSockets(target);
    this.#monitor = new CallMonitor({
      vainTicks: this.#ticksIn(options.sessionTimeoutMs * VAIN_SHARE),
      callTicks: this.#ticksIn(options.callTimeoutMs),
    });
    this.#ticks = interval(this.#tickMs).subscribe(() => this.#tick());
  }

  /** Errors when the connection is over; never emits. */
  get ended(): Observable<never> {
    return defer(() => (this.#over ? throwError(() => this.#over) : this.#ended));
  }

  /** Whether it can be asked for nothing any more. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Errors if nothing is emitted for `ms`, not counting the time in which large messages are being transferred. */
  within<T>(ms: number, what: string): MonoTypeOperatorFunction<T> {
    return (source) =>
      new Observable((subscriber) => {
        const late = (): void =>
          subscriber.error(new RegistryError('TIMEOUT', `etcd: no answer to ${what} within ${ms} ms.`));
        subscriber.add(this.#monitor.expect(this.#ticksIn(ms), late));
        subscriber.add(source.subscribe(subscriber));
      });
  }

  /** Whether parts of large messages are being transferred, either way. */
  get isTransferring(): boolean {
    return this.#monitor.isTransferring;
  }

  /**
   * Reads one key as who we are: emits once the server has answered that, errors with `NOT_AUTHORIZED` where it has
   * authentication enabled and knows nobody by what it was given.
   *
   * @param loginMs - How long a login may take meanwhile; later calls wait for one as long as it takes.
   */
  verify(loginMs: number): Observable<void> {
    const { user } = this.#options;
    const read = this.range({ key: Buffer.from('/'), keysOnly: true }, 'read "/"').pipe(
      // To be refused this key is to be known.
      catchError((error: unknown) => (isDenied((error as Error).cause) ? of(undefined) : throwError(() => error))),
      map(() => undefined),
    );
    return defer(() => {
      this.#loginMs = loginMs;
      // Without a token it may have been answered as whom the certificate names.
      return read.pipe(switchMap(() => (!user || user.token ? of(undefined) : concat(this.#logIn(), read))));
    }).pipe(finalize(() => (this.#loginMs = undefined)));
  }

  /** Gets a token; `undefined` where the server has no authentication enabled. */
  authenticate(credentials: Credentials): Observable<string | undefined> {
    return this.#call(`log in`, () => this.#etcd.auth.authenticate(credentials)).pipe(
      map(({ token }) => token),
      catchError((error: unknown) =>
        isAuthDisabled((error as Error).cause) ? of(undefined) : throwError(() => error),
      ),
    );
  }

  txn({ compare, success, failure = [] }: Txn, what: string): Observable<TxnResult> {
    const bytes = bytesOf(compare) + bytesOf(success.map(argumentsOf)) + bytesOf(failure.map(argumentsOf));
    const request = { compare: [...compare], success: [...success], failure: [...failure] };
    return this.#call(what, () => this.#etcd.kv.txn(request), { bytes }).pipe(map(toTxnResult));
  }

  /** Reads one key, or with `to` one page of a range; linearizable. */
  range(range: RangeRequest, what: string): Observable<Page> {
    const { key, to, limit, revision, keysOnly = false, isProbe = false } = range;
    const request = {
      key,
      ...(to && { range_end: to }),
      ...(limit && { limit: String(limit) }),
      ...(revision && { revision: String(revision) }),
      keys_only: keysOnly,
    };
    const options = { answerBytes: (limit ?? 0) * BYTES_PER_KEY, isUrgent: isProbe };
    return this.#call(what, () => this.#etcd.kv.range(request, { isProbe } as object), options).pipe(
      map(({ kvs, header, more }) => ({ keys: kvs.map(toKeyState), revision: BigInt(header.revision), more })),
    );
  }

  /** Emits when the server has answered a read, were it with an error: those that it could not carry out are none. */
  probe(): Observable<unknown> {
    return this.range({ key: Buffer.from('/'), keysOnly: true, isProbe: true }, 'read "/"').pipe(
      catchError((error: unknown) => (isAnswer(error) ? of(undefined) : throwError(() => error))),
    );
  }

  /** Gets a lease of a certain id; the server may grant another time. One of that id that is there already is ours. */
  grant({ id, seconds, isEarly }: LeaseRequest): Observable<{ id: string; seconds: number }> {
    const options = { isProbe: isEarly } as object;
    return this.#call('grant a lease', () => this.#etcd.leaseClient.leaseGrant({ TTL: seconds, ID: id }, options)).pipe(
      map(({ ID, TTL }) => ({ id: ID, seconds: Number(TTL) })),
      catchError((error: unknown) => (isLeaseKnown(error) ? of({ id, seconds }) : throwError(() => error))),
    );
  }

  /** Ends a lease and all that goes with it. */
  revoke(id: string): Observable<unknown> {
    return this.#call('revoke a lease', () => this.#etcd.leaseClient.leaseRevoke({ ID: id }));
  }

  /** Lists the keys that go with a lease; none if it is over. */
  keysOf(id: string): Observable<readonly Buffer[]> {
    return this.#call('list the keys of a lease', () =>
      this.#etcd.leaseClient.leaseTimeToLive({ ID: id, keys: true }),
    ).pipe(map(({ keys }) => keys));
  }

  /**
   * Opens a stream that keeps leases: each id that is written is answered with the seconds left, 0 for one that is over. Newer
   * servers look at its token with every id.
   */
  keepAlives(): Observable<Duplex<string, { id: string; seconds: number }>> {
    return this.#stream('keep the leases', () => this.#etcd.leaseClient.leaseKeepAlive()).pipe(
      map(({ answers, write }) => ({
        answers: answers.pipe(map(({ ID, TTL }) => ({ id: ID, seconds: Number(TTL) }))),
        write: (id) => write({ ID: id }),
      })),
    );
  }

  /** Opens a raw watch stream. */
  watches(): Observable<Duplex<IWatchRequest, IWatchResponse>> {
    return this.#stream('watch', () => this.#etcd.watchClient.watch()).pipe(
      map(({ answers, write }) => ({
        answers,
        write: (request) => {
          this.#monitor.sending(bytesOf([request.create_request ?? {}]));
          write(request);
        },
      })),
    );
  }

  /** Says that the connection is of no more use, and why. */
  fail(error: RegistryError): void {
    if (this.#over) return;
    this.#end(error);
    this.#subscriber.error(error);
  }

  /** Does a last work, and then closes the transport; from its subscription on the connection outlives its subscriber. */
  end(work: Observable<unknown>): Observable<unknown> {
    return defer(() => {
      this.#ending = true;
      return work;
    }).pipe(finalize(() => this.#close()));
  }

  /** Breaks off whatever is under way and closes the transport, unless it is {@link end}ing. */
  drop(): void {
    if (!this.#ending) this.#close();
  }

  get #tickMs(): number {
    const { sessionTimeoutMs, callTimeoutMs } = this.#options;
    return Math.min(sessionTimeoutMs, callTimeoutMs) / TICKS;
  }

  #ticksIn(ms: number): number {
    return Math.round(ms / this.#tickMs);
  }

  #tick(): void {
    let [received, sent] = [0, 0];
    for (const { bytesRead, bytesWritten, writableLength } of this.#sockets) {
      received += bytesRead;
      sent += bytesWritten - writableLength;
    }
    const kind = this.#monitor.tick({ received, sent });
    if (!kind) return;
    const vainMs = this.#options.sessionTimeoutMs * VAIN_SHARE;
    this.fail(new RegistryError('TIMEOUT', `etcd answered no ${kind} for ${vainMs} ms.`));
  }

  #close(): void {
    this.#end(new RegistryError('CONNECTION_LOST', 'The connection to etcd is over.'));
    this.#closeServices();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Closing a channel waits for the server's part, which never comes out of a black hole: the sockets are ours to close. */
  #keepSockets({ channelCredentials }: Host): void {
    const createConnector = channelCredentials._createSecureConnector!.bind(channelCredentials);
    channelCredentials._createSecureConnector = (...args) => {
      const connector = createConnector(...args);
      const connect = connector.connect.bind(connector);
      const waitForReady = connector.waitForReady.bind(connector);
      // A channel that failed tries once more by itself, a second after it was closed.
      connector.waitForReady = async () => {
        if (this.#over) throw this.#over;
        return waitForReady();
      };
      connector.connect = (socket) => {
        if (this.#over) socket.destroy();
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return connect(socket);
      };
      return connector;
    };
  }

  #end(error: RegistryError): void {
    if (this.#over) return;
    // First, so that those who are told find it so.
    this.#over = error;
    this.#ticks.unsubscribe();
    const outstanding = [...this.#outstanding];
    this.#outstanding.clear();
    this.#waiting.clear();
    const lost = new RegistryError('CONNECTION_LOST', 'The connection to etcd broke before the answer came.', {
      cause: error,
    });
    // The connection is told first: what it carried is then left, not tried again on what is no more.
    queueMicrotask(() => {
      for (const subscriber of outstanding) subscriber.error(lost);
      this.#ended.error(lost);
    });
  }

  #call<T>(what: string, start: () => Promise<T>, options: CallOptions = {}): Observable<T> {
    return this.loggedIn(this.#once(what, start, options));
  }

  /** Subscribes to what is refused for its token again, after a login. */
  loggedIn<T>(source: Observable<T>): Observable<T> {
    const { user } = this.#options;
    if (!user) return source;
    return defer(() => {
      let logins = 0;
      const attempt: Observable<T> = defer(() => {
        const { token } = user;
        return source.pipe(
          tap(() => (logins = 0)),
          catchError((error: unknown) => {
            if (!isLoginNeeded(error)) return throwError(() => error);
            user.discard(token);
            logins += 1;
            if (logins <= MOST_LOGINS) return concat(this.#logIn(), attempt);
            this.fail(new RegistryError('CONNECTION_LOST', (error as Error).message, { cause: error }));
            return this.ended;
          }),
        );
      });
      return attempt;
    });
  }

  /** Completes once there is a token; a login that fails ends the connection. */
  #logIn(): Observable<never> {
    const loginMs = this.#loginMs;
    const late = (): RegistryError =>
      new RegistryError('TIMEOUT', `etcd has not answered a login for ${loginMs} ms; it is still waited for.`);
    const login = this.#options.user!.logIn().pipe(
      loginMs === undefined ? identity : timeout({ first: loginMs, with: () => throwError(late) }),
      catchError((error: unknown) => {
        this.fail(toRegistryError(error, 'log in'));
        return NEVER;
      }),
    );
    return merge(this.ended, login).pipe(take(1), ignoreElements());
  }

  /** Begins what waits, as far as there is room. */
  #runNext(): void {
    for (const next of this.#waiting) {
      if (!this.#window.hasRoom) return;
      this.#waiting.delete(next);
      next();
    }
  }

  #once<T>(
    what: string,
    start: () => Promise<T>,
    { bytes = 0, answerBytes = 0, isUrgent = false }: CallOptions,
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      if (this.#over) return subscriber.error(new RegistryError('CONNECTION_LOST', this.#over.message));
      const run = (): void => {
        const ended = this.#window.begin(bytes + answerBytes);
        this.#monitor.sending(bytes);
        const settled = (): void => {
          ended();
          this.#runNext();
        };
        start().then(
          (value) => {
            settled();
            subscriber.next(value);
            subscriber.complete();
          },
          (error: unknown) => {
            settled();
            const known = toRegistryError(error, what);
            subscriber.error(known);
            // What breaks one call of these breaks all: no use in waiting for each to find out.
            if (known.code === 'SESSION_EXPIRED') this.fail(known);
          },
        );
      };
      this.#outstanding.add(subscriber);
      subscriber.add(() => {
        this.#outstanding.delete(subscriber);
        this.#waiting.delete(run);
      });
      // With thousands under way at once the server refuses some: "too many requests".
      if (isUrgent || this.#window.hasRoom) run();
      else this.#waiting.add(run);
    });
  }

  #stream<I, O>(what: string, start: () => Promise<IDuplexStream<I, O>>): Observable<Duplex<I, O>> {
    return new Observable((subscriber) => {
      const answers = new Subject<O>();
      const { user } = this.#options;
      const token = user?.token;
      const failure = (error: unknown): RegistryError => {
        const known = toRegistryError(error, what);
        // What is in it is lost, as what was compacted: only a new reading helps.
        if (known.code === 'TOO_LARGE') return new CompactedError('SERVER_ERROR', known.message, { cause: known });
        if (!user || !isLoginNeeded(known)) return known;
        user.discard(token);
        return new RegistryError('CONNECTION_LOST', known.message, { cause: known });
      };
      let raw: IDuplexStream<I, O> | undefined;
      let left = false;
      subscriber.add(this.ended.subscribe({ error: (error: unknown) => answers.error(error) }));
      subscriber.add(() => {
        left = true;
        raw?.cancel();
      });
      from(defer(start)).subscribe({
        next: (stream) => {
          raw = stream;
          // etcd3's own listener closes the channels of all services for whatever happens to one stream.
          (stream as unknown as EventEmitter).removeAllListeners('error');
          stream.on('data', (answer) => answers.next(answer));
          stream.on('error', (error) => answers.error(failure(error)));
          stream.on('end', () => answers.error(new RegistryError('CONNECTION_LOST', `etcd ended a stream (${what}).`)));
          if (left) return stream.cancel();
          subscriber.next({ answers, write: (request) => void stream.write(request) });
        },
        error: (error: unknown) => subscriber.error(failure(error)),
      });
    });
  }

  /** Adds the token, and asks for an answer only from a server that has a leader. */
  readonly #intercept = (options: InterceptedOptions, next: (options: object) => InterceptedCall): InterceptedCall => {
    const call = next(options);
    const { method_definition: method, isProbe } = options;
    if (!method.requestStream) this.#monitor.follow(call, isProbe ? undefined : kindOf(method.path));
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      metadata.set('hasleader', 'true');
      this.#options.user?.token?.addTo(metadata);
      start(metadata, {
        onReceiveMetadata: (received) => listener.onReceiveMetadata(received),
        onReceiveMessage: (message) => {
          this.#monitor.message();
          listener.onReceiveMessage(message);
        },
        onReceiveStatus: (status) =>
          listener.onReceiveStatus({ ...status, details: status.details.replace(INVALID_TOKEN, REFUSED_TOKEN) }),
      });
    };
    return call;
  };
}

interface CallOptions {
  /** About how large the request is. @defaultValue small */
  readonly bytes?: number;
  /** About how large the answer will be: pings wait behind it, too. @defaultValue small */
  readonly answerBytes?: number;
  /** Whether it waits for no other call. */
  readonly isUrgent?: boolean;
}

/** What makes a request large. */
interface Sized {
  readonly key?: Buffer;
  readonly range_end?: Buffer;
  readonly value?: Buffer;
}

/** What a key that may be in a page is counted for: less than it has, because most directories are small. */
const BYTES_PER_KEY = 64;

/** About what is added to that. */
const OVERHEAD_BYTES = 16;

function bytesOf(parts: readonly Sized[]): number {
  return parts.reduce(
    (sum, { key, range_end: to, value }) =>
      sum + OVERHEAD_BYTES + (key?.length ?? 0) + (to?.length ?? 0) + (value?.length ?? 0),
    0,
  );
}

function argumentsOf({ request_put: put, request_range: range, request_delete_range: remove }: IRequestOp): Sized {
  return put ?? range ?? remove ?? {};
}

/** What {@link EtcdClient.grant} asks for. */
export interface LeaseRequest {
  readonly id: string;
  readonly seconds: number;
  /** Nobody needs it yet: that it is not answered says nothing of other writes. */
  readonly isEarly: boolean;
}

/** What {@link EtcdClient.range} reads. */
export interface RangeRequest {
  readonly key: Buffer;
  readonly to?: Buffer;
  readonly limit?: number;
  readonly revision?: bigint;
  readonly keysOnly?: boolean;
  /** Asked at once, and to find out whether reads are answered: that it is says nothing of others that are not. */
  readonly isProbe?: boolean;
}

/** What etcd3 says of a key. */
export function toKeyState({ key, value, mod_revision, create_revision, version, lease }: IKeyValue): KeyState {
  return {
    key,
    value,
    revision: BigInt(mod_revision),
    madeAt: BigInt(create_revision),
    writes: BigInt(version),
    lease,
  };
}

function hostOf(etcd: Etcd3): Host {
  const host = (etcd as unknown as { pool?: { hosts?: readonly Partial<Host>[] } }).pool?.hosts?.[0];
  if (
    typeof host?.resetAllServices !== 'function' ||
    typeof host.channelCredentials?._createSecureConnector !== 'function'
  ) {
    throw new RegistryError('UNSUPPORTED', 'This etcd3 is not version 1.1.2 or behaves like it.');
  }
  return host as Host;
}

function toTxnResult({ succeeded, header, responses }: ITxnResponse): TxnResult {
  return {
    succeeded,
    revision: BigInt(header.revision),
    found: responses.map(({ response_range }) => response_range?.kvs.map(toKeyState) ?? []),
  };
}

/** The names of etcd3, which says that there must be a root certificate, but takes none as well. */
function credentialsOf({ ca, cert, key }: TlsCredentials): {
  rootCertificate: Buffer;
  certChain?: Buffer;
  privateKey?: Buffer;
} {
  return {
    rootCertificate: ca as Buffer,
    ...(cert && { certChain: cert }),
    ...(key && { privateKey: key }),
  };
}
