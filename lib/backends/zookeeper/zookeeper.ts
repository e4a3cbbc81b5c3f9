import nodeZooKeeper from 'node-zookeeper-client';
import { defer, map, type Observable, tap } from 'rxjs';
import { type BackoffOptions, connect, type Link, type OpenLink, serversInTurn } from '../../connection/index.js';
// Not by way of the index: whoever loads a backend alone should not load all of Dubbo's layout with it.
import { parseRegistryAddress, type RegistryAddress } from '../../dubbo/registryAddress.js';
import { InvalidOptionError } from '../../errors.js';
import type { Backend } from '../../port/index.js';
import { type Acl, type ClientOptions, openClient } from './client.js';
import { Horizon } from './horizon.js';
import { LARGE_DIRECTORY_BYTES } from './largeDirectory.js';
import { type OpenedClient, PersistentWatchSupport } from './persistentWatchSupport.js';
import { ZooKeeperSession } from './zookeeperSession.js';

const { ACL, Id } = nodeZooKeeper;
/** What its types leave out. */
const presets = ACL as unknown as { readonly OPEN_ACL_UNSAFE: Acl; readonly CREATOR_ALL_ACL: Acl };

/** One entry of an access control list, in ZooKeeper's terms. */
export interface AclEntry {
  /** Who is meant: `world`, `auth`, `digest`, `ip`. */
  readonly scheme: string;
  /** Who exactly, such as `anyone` or `user:digest`. */
  readonly id: string;
  /** What they may do: the sum of 1 read, 2 write, 4 create, 8 delete and 16 admin. */
  readonly permissions: number;
}

/** How {@link zookeeper} connects. */
export interface ZooKeeperOptions {
  /** How long the server keeps a session of which it hears nothing, in milliseconds; it may grant another. @defaultValue 30000 */
  readonly sessionTimeoutMs?: number;
  /** The user of the `digest` scheme. @defaultValue nobody */
  readonly username?: string;
  /** The password of {@link ZooKeeperOptions.username}. */
  readonly password?: string;
  /**
   * Who may touch the nodes that are made: everybody, their creator alone, or a list of your own.
   *
   * @defaultValue `creator` with a username, else `open`, as Dubbo does
   */
  readonly acl?: 'open' | 'creator' | readonly AclEntry[];
  /** The waits between attempts to connect. */
  readonly reconnect?: BackoffOptions;
  /**
   * Whether to have the server tell by name what happens in a directory, which costs the same however large it is.
   *
   * Servers before 3.6 cannot; there, and with `false`, a directory is read again whenever it changes.
   *
   * @defaultValue `true`
   */
  readonly persistentWatches?: boolean;
}

/**
 * A registry on ZooKeeper.
 *
 * `servers` is a comma list of `host:port`, the port 2181 by default, and may end in a path below which everything lies
 * (a chroot, made when it is missing). One server is tried after another, in an order of our own.
 *
 * @throws InvalidUrlError if the servers cannot be read, InvalidOptionError if an option is out of range.
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
  return zookeeperAt(parseRegistryAddress(`zookeeper://${servers}`), options);
}

/** A registry on the ZooKeeper that an address names; options win over what the address says. */
export function zookeeperAt(address: RegistryAddress, options: ZooKeeperOptions = {}): Backend {
  const { sessionTimeoutMs = address.sessionTimeoutMs ?? 30_000, reconnect, persistentWatches = true } = options;
  const username = options.username ?? address.username;
  const password = options.password ?? address.password;
  if (!(Number.isInteger(sessionTimeoutMs) && sessionTimeoutMs > 0 && sessionTimeoutMs <= 2_147_483_647)) {
    throw new InvalidOptionError(
      'sessionTimeoutMs',
      'a whole number of milliseconds from 1 to 2147483647',
      sessionTimeoutMs,
    );
  }
  const acl = toAcl(options.acl ?? (username === undefined ? 'open' : 'creator'));
  const auth = username === undefined ? [] : [{ scheme: 'digest', credentials: `${username}:${password ?? ''}` }];
  const nextHost = serversInTurn(address.hosts);

  const horizon = new Horizon(sessionTimeoutMs);
  const persistent = new PersistentWatchSupport(sessionTimeoutMs);

  const open: OpenLink = (previous) =>
    defer(() => {
      const session = previous instanceof ZooKeeperSession ? previous : undefined;
      const seenZxid = horizon.zxid;
      const options = {
        ...nextHost(),
        sessionTimeoutMs,
        auth,
        acl,
        ...(seenZxid && { seenZxid }),
        ...(session && { resume: session.credentials }),
      };
      return (persistentWatches ? persistent.open(options) : openWithout(options)).pipe(
        map((opened) => {
          horizon.follow(opened.client);
          return link(opened, session ?? new ZooKeeperSession(opened.client, address.path));
        }),
        tap({ error: (error: unknown) => horizon.failed(error) }),
      );
    });

  return {
    ...connect(open, { name: 'zookeeper', sessionTimeoutMs, ...(reconnect && { reconnect }) }),
    largeDirectoryBytes: LARGE_DIRECTORY_BYTES,
  };
}

function openWithout(options: ClientOptions): Observable<OpenedClient> {
  return openClient(options).pipe(
    map((client) => ({ client, hasPersistentWatches: false, refusedPersistentWatches: () => undefined })),
  );
}

function link(opened: OpenedClient, session: ZooKeeperSession): Link {
  const { client } = opened;
  session.attach(opened);
  return {
    session,
    ping: () => client.ping(),
    end: () => client.end().pipe(tap({ finalize: () => session.attach(undefined) })),
  };
}

function toAcl(acl: NonNullable<ZooKeeperOptions['acl']>): Acl {
  if (acl === 'open') return presets.OPEN_ACL_UNSAFE;
  if (acl === 'creator') return presets.CREATOR_ALL_ACL;
  if (!Array.isArray(acl) || acl.length === 0) {
    throw new InvalidOptionError('acl', '"open", "creator" or a list with at least one entry', acl);
  }
  return (acl as readonly AclEntry[]).map(({ scheme, id, permissions }) => {
    if (!(Number.isInteger(permissions) && permissions >= 1 && permissions <= 31)) {
      throw new InvalidOptionError('acl', 'entries whose `permissions` is from 1 to 31', permissions);
    }
    if (typeof scheme !== 'string' || scheme === '' || typeof id !== 'string') {
      throw new InvalidOptionError('acl', 'entries with a `scheme` and an `id`', scheme);
    }
    return new ACL(permissions, new Id(scheme, id));
  });
}
