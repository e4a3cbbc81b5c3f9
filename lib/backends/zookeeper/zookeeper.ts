import { catchError, map, type Observable, switchMap, tap, throwError } from 'rxjs';
import { type BackoffOptions, connect, type Link, served } from '../../connection/index.js';
// Not by way of the index: whoever loads a backend alone should not load all of Dubbo's layout with it.
import { parseRegistryAddress, type RegistryAddress } from '../../dubbo/registryAddress.js';
import { registryIdentity } from '../../dubbo/registryIdentity.js';
import { flag, optionsObject, sessionTimeout, wholeNumber } from '../../internal/options.js';
import type { Backend, Session } from '../../port/index.js';
import { hasCode } from '../../internal/orElse.js';
import { tlsFor } from '../shared/tls.js';
import type { TlsOptions } from '../shared/tlsOptions.js';
import { toAcl } from './acl.js';
import type { AclEntry } from './aclEntry.js';
import { AddressesInTurn, join, type Turn } from './addressesInTurn.js';
import { type ClientOptions, openClient, RefusedError, type ZkClient } from './client.js';
import { Horizon } from './horizon.js';
import { LARGE_DIRECTORY_BYTES } from './largeDirectory.js';
import { DEFAULT_MAX_PACKET_BYTES } from './packetFramer.js';
import { type PersistentWatches, PersistentWatchSupport } from './persistentWatchSupport.js';
import { RefusedRequests } from './refusedRequests.js';
import { ZooKeeperSession } from './zookeeperSession.js';

/** Lengths are signed numbers of 32 bits. */
const LARGEST_MAX_PACKET_BYTES = 2_147_483_647;

/** How {@link zookeeper} connects. */
export interface ZooKeeperOptions {
  /** How long the server keeps a session of which it hears nothing, in milliseconds; it may grant another. @defaultValue 30000 */
  readonly sessionTimeoutMs?: number | undefined;
  /** The user of the `digest` scheme. @defaultValue nobody */
  readonly username?: string | undefined;
  /** The password of {@link ZooKeeperOptions.username}. */
  readonly password?: string | undefined;
  /**
   * How the connection is encrypted, for the `secureClientPort` of a server; `{}` trusts the usual authorities. Files are read anew for
   * each connection, so that renewed certificates are taken.
   *
   * @defaultValue not encrypted
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * Who may touch the nodes that are made: everybody, their creator alone, or a list of your own, which has to let this client
   * read them.
   *
   * A consumer that may not read them learns of them all the same, at the cost of reading the directory: see the warning
   * `WITHHELD_EVENTS`.
   *
   * @defaultValue `creator` with a username, else `open`, as Dubbo does
   */
  readonly acl?: 'open' | 'creator' | readonly AclEntry[] | undefined;
  /** The waits between attempts to connect. */
  readonly reconnect?: BackoffOptions | undefined;
  /**
   * Whether to have the server tell by name what happens in a directory, which costs the same however large it is.
   *
   * Servers before 3.6 cannot; there, and with `false`, a directory is read again whenever it changes.
   *
   * @defaultValue `true`
   */
  readonly persistentWatches?: boolean | undefined;
  /**
   * The largest answer that is read, in bytes, as `jute.maxbuffer` of Java clients: what lists a directory that is larger fails
   * with `TOO_LARGE`. A server in foreign hands cannot take more memory than twice that.
   *
   * @defaultValue 67108864, which is 250,000 names of 250 bytes
   */
  readonly maxPacketBytes?: number | undefined;
}

/**
 * A registry on ZooKeeper.
 *
 * `servers` is a comma list of `host:port`, the port 2181 by default, and may end in a path below which everything lies
 * (a chroot, made when it is missing). One server is tried after another, in an order of our own.
 *
 * @throws InvalidUrlError if the servers cannot be read, InvalidOptionError if an option is out of range or a certificate cannot
 * be read.
 *
 * @example
 * ```ts
 * import { createRegistry } from 'rx-registry';
 * import { zookeeper } from 'rx-registry/zookeeper';
 *
 * const registry = createRegistry(zookeeper('zk1:2181,zk2:2181,zk3:2181/shop', { sessionTimeoutMs: 20_000 }));
 * ```
 */
export function zookeeper(servers: string, options: ZooKeeperOptions = {}): Backend {
  return zookeeperAt(parseRegistryAddress(`zookeeper://${servers}`, 'backend'), options);
}

/** A registry on the ZooKeeper that an address names; options win over what the address says. */
export function zookeeperAt(address: RegistryAddress, options: ZooKeeperOptions = {}): Backend {
  const {
    sessionTimeoutMs = address.sessionTimeoutMs ?? 30_000,
    reconnect,
    persistentWatches = true,
    maxPacketBytes = DEFAULT_MAX_PACKET_BYTES,
  } = optionsObject(options);
  const username = options.username ?? address.username;
  const password = options.password ?? address.password;
  sessionTimeout('sessionTimeoutMs', sessionTimeoutMs);
  flag('persistentWatches', persistentWatches);
  wholeNumber('maxPacketBytes', maxPacketBytes, 1_024, LARGEST_MAX_PACKET_BYTES);
  const tls = tlsFor(options.tls, address.parameters);
  const acl = toAcl(options.acl, { username, password });
  const auth = username === undefined ? [] : [{ scheme: 'digest', credentials: `${username}:${password ?? ''}` }];
  const addresses = new AddressesInTurn(address.hosts);
  const horizon = new Horizon(sessionTimeoutMs);

  const support = new PersistentWatchSupport(sessionTimeoutMs);
  const refused = new RefusedRequests(sessionTimeoutMs);

  const open = (previous: Session | undefined, isLost: boolean): Observable<ClientLink> =>
    addresses.next().pipe(
      switchMap((turn) => {
        const session = previous instanceof ZooKeeperSession ? previous : undefined;
        const options: ClientOptions = {
          host: turn.host,
          port: turn.port,
          lookup: turn.lookup,
          ...(tls && { tls: { ...tls.read(), serverName: tls.serverName } }),
          sessionTimeoutMs,
          auth,
          acl,
          maxPacketBytes,
          refused,
          ...(session && { resume: ZooKeeperSession.credentialsOf(session) }),
        };
        const openAt = (seenZxid: Buffer | undefined): Observable<ZkClient> =>
          openClient({ ...options, ...(seenZxid && { seenZxid }) });
        // That it does not know our session is an answer: it serves, and has another history.
        const forget = (error: unknown): void => {
          if (hasCode(error, 'SESSION_EXPIRED')) horizon.forget();
        };
        return openAt(horizon.zxid).pipe(
          catchError((error: unknown) => {
            const attempt = { error, tried: triedIn(turn, error), all: turn.all, isOver: isLost || !session };
            return horizon.failed(attempt) ? openAt(undefined).pipe(tap({ error: forget })) : throwError(() => error);
          }),
          map((client) => linkOf(client, session ?? new ZooKeeperSession(client, address.path), options)),
        );
      }),
      tap(({ client }) => horizon.follow(client)),
    );

  const reopen = ({ client: { seenZxid }, session, options }: ClientLink): Observable<ClientLink> =>
    openClient({ ...options, seenZxid, resume: ZooKeeperSession.credentialsOf(session) }).pipe(
      map((client) => linkOf(client, session, options)),
      tap(({ client }) => horizon.follow(client)),
    );

  return {
    ...connect(
      (previous, isLost) => {
        const opening = served(open(previous, isLost));
        const links = persistentWatches ? support.find(opening, (link) => served(reopen(link))) : opening;
        return links.pipe(tap(({ session, client, watches }) => session.attach(client, watches)));
      },
      {
        name: 'zookeeper',
        at: address.hosts.map(({ host, port }) => join(host, port)).join(),
        identity: registryIdentity(address),
        sessionTimeoutMs,
        ...(reconnect && { reconnect }),
      },
    ),
    largeDirectoryBytes: LARGE_DIRECTORY_BYTES,
  };
}

/** A link, and what it takes to open another one to the same server. */
interface ClientLink extends Link {
  readonly client: ZkClient;
  readonly session: ZooKeeperSession;
  readonly options: ClientOptions;
  readonly watches?: PersistentWatches;
}

/** The addresses that an attempt was made at. */
function triedIn({ addresses }: Turn, error: unknown): readonly string[] {
  if (addresses.length === 1 || !(error instanceof RefusedError)) return addresses;
  return error.address === undefined ? [] : [error.address];
}

function linkOf(client: ZkClient, session: ZooKeeperSession, options: ClientOptions): ClientLink {
  return {
    client,
    session,
    options,
    ping: () => client.ping(),
    bytes: () => client.bytes,
    isSending: () => client.isSending,
    outlive: () => session.outlive(),
    end: () => client.end().pipe(tap({ finalize: () => session.attach(undefined) })),
  };
}
