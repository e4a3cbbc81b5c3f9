import {
  catchError,
  concat,
  defer,
  EMPTY,
  endWith,
  forkJoin,
  finalize,
  map,
  NEVER,
  type Observable,
  of,
  race,
  type Subscription,
  switchMap,
  tap,
  throwError,
  timer,
  using,
} from 'rxjs';
import { type BackoffOptions, connect, type Link, type OpenLink, serversInTurn } from '../../connection/index.js';
// Not by way of the index: whoever loads a backend alone should not load all of Dubbo's layout with it.
import { parseRegistryAddress, type RegistryAddress, type RegistryHost } from '../../dubbo/registryAddress.js';
import { registryIdentity } from '../../dubbo/registryIdentity.js';
import { RegistryError } from '../../errors.js';
import { isAnswer } from '../../internal/isAnswer.js';
import { LONGEST_MS, optionsObject, sessionTimeout, wholeNumber } from '../../internal/options.js';
import type { Backend } from '../../port/index.js';
import { authenticate, type ClientOptions, type Duplex, type EtcdClient, openClient } from './client.js';
import { EtcdSession } from './etcdSession.js';
import { keepAlives } from './keepAlives.js';
import { type KeptLease, Leases } from './leases.js';
import { PageSize } from './pageSize.js';
import { tlsFor } from '../shared/tls.js';
import type { TlsOptions } from '../shared/tlsOptions.js';
import { unreachable } from './unreachable.js';
import { type Authenticate, enterTogether, User } from './user.js';
import { openWatchStream, type WatchStream } from './watchStream.js';

/** How {@link etcd} connects. */
export interface EtcdOptions {
  /**
   * How long the server keeps what is ours after it last heard of us, in milliseconds: rounded up to whole seconds, as
   * leases are counted; the server may grant more. @defaultValue 30000
   */
  readonly sessionTimeoutMs?: number | undefined;
  /** The user to log in as. @defaultValue nobody */
  readonly username?: string | undefined;
  /** The password of {@link EtcdOptions.username}. */
  readonly password?: string | undefined;
  /** Encrypts the connection; `{}` for what needs no more than the authorities that Node.js trusts. @defaultValue no encryption */
  readonly tls?: TlsOptions | undefined;
  /** The waits between attempts to connect. */
  readonly reconnect?: BackoffOptions | undefined;
  /**
   * The largest message that is received, in bytes: a call whose answer is larger fails with `TOO_LARGE`, and a directory is read
   * again when what happened in it is. A server in foreign hands cannot take more memory than a few times that.
   *
   * @defaultValue 67108864
   */
  readonly maxMessageBytes?: number | undefined;
  /** What hardly anybody needs to change. */
  readonly tuning?: EtcdTuning | undefined;
}

/** The numbers that {@link etcd} works with, each measured; change them when you have measured better ones. */
export interface EtcdTuning {
  /**
   * How long one call may wait for its answer, in milliseconds; up to ten times as long while large messages are being
   * transferred. @defaultValue the session timeout
   */
  readonly callTimeoutMs?: number | undefined;
  /** How many calls are under way at once: beyond a few thousand the server refuses some. @defaultValue 128 */
  readonly callWindow?: number | undefined;
  /**
   * How many keys are read at a time at most: more stall the event loop. On a slow link fewer are, so that no page takes an eighth
   * of the session timeout. @defaultValue 2500
   */
  readonly pageSize?: number | undefined;
  /** How many keys one lease holds: every write to one costs more the more it holds. @defaultValue 1000 */
  readonly keysPerLease?: number | undefined;
  /** How long a connection is quiet before it is probed, in milliseconds: below 5000 the server hangs up. @defaultValue 10000 */
  readonly keepaliveTimeMs?: number | undefined;
  /** How long the answer to that probe may take, in milliseconds. @defaultValue 3000 */
  readonly keepaliveTimeoutMs?: number | undefined;
  /**
   * How long the answer to a login may take, in milliseconds: the server hashes one password after another, and goes on when
   * nobody waits for it any more. @defaultValue 600000
   */
  readonly loginTimeoutMs?: number | undefined;
  /** Options of the gRPC channel, which win over all of ours. */
  readonly channel?: Readonly<Record<string, string | number>> | undefined;
}

/**
 * A registry on etcd 3.
 *
 * `servers` is a comma list of `host:port`, the port 2379 by default, and may end in a path below which everything lies.
 * One server is tried after another, in an order of our own.
 *
 * @throws InvalidUrlError if the servers cannot be read, InvalidOptionError if an option is out of range or a certificate
 * cannot be read.
 *
 * @example
 * ```ts
 * import { createRegistry } from 'rx-registry';
 * import { etcd } from 'rx-registry/etcd';
 *
 * const registry = createRegistry(etcd('etcd1:2379,etcd2:2379,etcd3:2379', { tls: { ca: '/etc/ssl/etcd-ca.pem' } }));
 * ```
 */
export function etcd(servers: string, options: EtcdOptions = {}): Backend {
  return etcdAt(parseRegistryAddress(`etcd://${servers}`, 'backend'), options);
}

/** For so much of the session timeout an attempt to connect waits for a login. */
const LOGIN_SHARE = 1 / 5;
/**
 * How long the answers to a ping may take: a member whose disk stalls keeps leases and reads nothing, and one that is merely slow
 * takes its time to read. More than 5/12 would be too late to follow the former proof of life.
 */
const [KEPT_SHARE, READ_SHARE] = [1 / 4, 1 / 3];
/** A page of a directory that takes longer than that keeps pings waiting. */
const [FAST_PAGE_SHARE, SLOW_PAGE_SHARE] = [1 / 24, 1 / 8];
/** For so much of it a new session waits for its first lease. */
const GRANT_SHARE = 1 / 12;
/** While it hashes passwords for many clients, a server answers pings late. */
const BUSY_PING_MS = 30_000;

/** Some 200,000 events, or half as many keys: far more than is asked for at once. */
const DEFAULT_MAX_MESSAGE_BYTES = 67_108_864;
/** Lengths are signed numbers of 32 bits. */
const LARGEST_MAX_MESSAGE_BYTES = 2_147_483_647;

/** A registry on the etcd that an address names; options win over what the address says. */
export function etcdAt(address: RegistryAddress, options: EtcdOptions = {}): Backend {
  const {
    sessionTimeoutMs = address.sessionTimeoutMs ?? 30_000,
    reconnect,
    maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES,
    tuning = {},
  } = optionsObject(options);
  const username = options.username ?? address.username;
  const password = options.password ?? address.password ?? '';
  sessionTimeout('sessionTimeoutMs', sessionTimeoutMs);
  wholeNumber('maxMessageBytes', maxMessageBytes, 65_536, LARGEST_MAX_MESSAGE_BYTES);
  const {
    callTimeoutMs = sessionTimeoutMs,
    callWindow = 128,
    pageSize = 2_500,
    keysPerLease = 1_000,
    keepaliveTimeMs = 10_000,
    keepaliveTimeoutMs = 3_000,
    loginTimeoutMs = 600_000,
    channel,
  } = optionsObject(tuning, 'an object', 'tuning');
  const numbers = {
    callTimeoutMs,
    callWindow,
    pageSize,
    keysPerLease,
    keepaliveTimeMs,
    keepaliveTimeoutMs,
    loginTimeoutMs,
  };
  for (const [name, value] of Object.entries(numbers)) wholeNumber(`tuning.${name}`, value, 1, LONGEST_MS);
  const tls = tlsFor(options.tls, address.parameters);
  const nextServer = serversInTurn(address.hosts);
  const seconds = Math.ceil(sessionTimeoutMs / 1_000);
  const pages = new PageSize({
    most: pageSize,
    fastMs: sessionTimeoutMs * FAST_PAGE_SHARE,
    slowMs: sessionTimeoutMs * SLOW_PAGE_SHARE,
  });
  let user = username === undefined ? undefined : new User({ name: username, password, reconnect });
  let letIn = false;

  const clientOptions = ({ host, port }: RegistryHost, pingTimeoutMs = keepaliveTimeoutMs): ClientOptions => ({
    host,
    port,
    ...(tls && { tls: tls.read() }),
    callTimeoutMs,
    sessionTimeoutMs,
    callWindow,
    channel: {
      // The default of 4 MiB loses a response that is larger, with every event in it.
      'grpc.max_receive_message_length': maxMessageBytes,
      // Without it a connection into a black hole lasts until the kernel gives up.
      'grpc.keepalive_time_ms': keepaliveTimeMs,
      'grpc.keepalive_timeout_ms': pingTimeoutMs,
      // A proxy that is meant for the web is not on the way to a registry.
      'grpc.enable_http_proxy': 0,
      // Nothing is sent twice unless we say so: a write may have been carried out.
      'grpc.enable_retries': 0,
      // Nobody configures our services by records in the DNS, and the question costs time.
      'grpc.service_config_disable_resolution': 1,
      ...(tls?.serverName !== undefined && { 'grpc.ssl_target_name_override': tls.serverName }),
      ...channel,
    },
  });

  /** On a connection of its own, as an attempt to connect may be over long before the login is answered. */
  const logIn =
    (server: RegistryHost): Authenticate =>
    (credentials) =>
      authenticate(
        { ...clientOptions(server, Math.max(keepaliveTimeoutMs, BUSY_PING_MS)), callTimeoutMs: loginTimeoutMs },
        credentials,
      );

  const open: OpenLink = (previous) =>
    defer(() => {
      const server = nextServer();
      const old = previous instanceof EtcdSession ? previous : undefined;
      return openClient({
        ...clientOptions(server),
        ...(user && { user: user.at(`${server.host}:${server.port}`, logIn(server)) }),
      }).pipe(
        switchMap((client) =>
          client.verify((old?.timeoutMs ?? sessionTimeoutMs) * LOGIN_SHARE).pipe(
            switchMap(() => keepAlives(client)),
            switchMap((keepAlive) =>
              openWatchStream(client, old?.timeoutMs ?? sessionTimeoutMs).pipe(
                switchMap((stream) =>
                  (old ? old.leases.keep(keepAlive).pipe(map(() => old)) : begin(client)).pipe(
                    switchMap((session) => carry(session, client, stream, keepAlive)),
                  ),
                ),
              ),
            ),
          ),
        ),
        catchError((error: unknown) => throwError(() => unreachable(error, server, tls !== undefined))),
      );
    }).pipe(
      tap(() => (letIn = true)),
      catchError((error: unknown) => throwError(() => (letIn ? passing(error) : error))),
    );

  /** Reading needs no lease: where none is granted, the session begins without one. */
  function begin(client: EtcdClient): Observable<EtcdSession> {
    return defer(() => {
      const leases = new Leases(seconds, keysPerLease);
      const granted = leases.prepare(client).pipe(
        catchError((error: unknown) => (isAnswer(error) ? EMPTY : throwError(() => error))),
        endWith(undefined),
      );
      return race(granted, timer(sessionTimeoutMs * GRANT_SHARE)).pipe(
        map(() => new EtcdSession(leases, { chroot: address.path, pageSize: pages })),
      );
    });
  }

  const backend = connect(open, {
    name: 'etcd',
    at: address.hosts.map(textOf).join(),
    identity: registryIdentity(address),
    sessionTimeoutMs,
    ...(reconnect && { reconnect }),
  });
  if (!user) return backend;
  const enter = (): Subscription => {
    const servers = address.hosts.map(({ host, port }) => `${host}:${port}`);
    const [shared, entered] = enterTogether(user!, servers, { name: username!, password });
    user = shared;
    return entered;
  };
  return { ...backend, states: using(enter, () => backend.states) };
}

/** Carries a session for as long as its connection lasts. */
function carry(
  session: EtcdSession,
  client: EtcdClient,
  stream: WatchStream,
  keepAlive: Duplex<string, KeptLease>,
): Observable<Link> {
  return defer(() => {
    session.attach(client, stream);
    const link: Link = {
      session,
      ping: () => {
        const kept = session.leases
          .keep(keepAlive)
          .pipe(client.within(session.timeoutMs * KEPT_SHARE, 'keeping leases'));
        const read = client.probe().pipe(client.within(session.timeoutMs * READ_SHARE, 'reading'));
        return forkJoin([kept, read]);
      },
      answerShare: 1,
      end: () => client.end(session.leases.revoke(client)),
    };
    return concat(of(link), NEVER);
  }).pipe(finalize(() => session.detach()));
}

/** Once we were let in, being refused may pass: a password is changed in two places, a role is given back. */
function passing(error: unknown): unknown {
  if (!(error instanceof RegistryError) || error.retriable) return error;
  return new RegistryError('CONNECTION_LOST', error.message, { cause: error });
}

function textOf({ host, port }: RegistryHost): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
