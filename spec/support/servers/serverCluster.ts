import { eventually } from './eventually.js';
import type { RealServer } from './realServer.js';
import { START_DEADLINE_MS } from './serverNode.js';

/** Several real servers that elect a leader among them. */
export interface ServerCluster<T extends RealServer> extends AsyncDisposable {
  /** All of them; `start()` of one resolves only when enough of them run for a majority. */
  readonly servers: readonly T[];
  /** Their addresses, comma-separated. */
  readonly addresses: string;
  /** The one that leads now, with a majority that follows it; waits while there is none. */
  leader(): Promise<T>;
  /** Those that follow the present leader now; waits while there is none. */
  followers(): Promise<T[]>;
  /** Kills all and removes their folders. */
  close(): Promise<void>;
}

/** How one finds out which server of a cluster leads. */
export interface Leadership<T extends RealServer> {
  /** What a server says of itself; one that stood still may be wrong for a while. */
  roleOf(server: T): Promise<'leader' | 'follower' | undefined>;
  /** Has a server do something that it cannot do without a majority. */
  needMajority(server: T): Promise<unknown>;
}

/** Makes servers that have been started one thing. */
export function clusterOf<T extends RealServer>(servers: readonly T[], leadership: Leadership<T>): ServerCluster<T> {
  const roleOf = (server: T) => leadership.roleOf(server).catch(() => undefined);
  const inRole = async (role: 'leader' | 'follower'): Promise<T[]> => {
    const roles = await Promise.all(servers.map(roleOf));
    return servers.filter((_, index) => roles[index] === role);
  };
  const leads = async (server: T): Promise<boolean> => {
    await leadership.needMajority(server);
    // It may have found out by that that another one leads, which has done it for the two of them.
    return (await roleOf(server)) === 'leader';
  };
  const findLeader = async (): Promise<T | null> => {
    const claims = await inRole('leader');
    const proofs = await Promise.all(claims.map((server) => leads(server).catch(() => false)));
    return claims.find((_, index) => proofs[index]) ?? null;
  };
  const close = async () => void (await Promise.all(servers.map((server) => server.close())));
  const leader = () => eventually(findLeader, { what: 'a leader', withinMs: START_DEADLINE_MS });
  return {
    servers,
    addresses: servers.map((server) => server.address).join(','),
    leader,
    followers: async () => {
      await leader();
      return inRole('follower');
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
