import { eventually } from './eventually.js';
import type { RealServer } from './realServer.js';
import { START_DEADLINE_MS } from './serverNode.js';

/** Several real servers that elect a leader among them. */
export interface ServerCluster<T extends RealServer> extends AsyncDisposable {
  /** All of them; `start()` of one resolves only when enough of them run for a majority. */
  readonly servers: readonly T[];
  /** Their addresses, comma-separated. */
  readonly addresses: string;
  /** The one that leads now; waits while there is none. */
  leader(): Promise<T>;
  /** Those that follow the present leader now; waits while there is none. */
  followers(): Promise<T[]>;
  /** Kills all and removes their folders. */
  close(): Promise<void>;
}

/** Makes servers that have been started one thing; `roleOf` asks one of them what it is now. */
export function clusterOf<T extends RealServer>(
  servers: readonly T[],
  roleOf: (server: T) => Promise<'leader' | 'follower' | undefined>,
): ServerCluster<T> {
  const inRole = async (role: 'leader' | 'follower'): Promise<T[]> => {
    const roles = await Promise.all(servers.map((server) => roleOf(server).catch(() => undefined)));
    return servers.filter((_, index) => roles[index] === role);
  };
  const close = async () => void (await Promise.all(servers.map((server) => server.close())));
  const leader = () =>
    eventually(async () => (await inRole('leader'))[0] ?? null, { what: 'a leader', withinMs: START_DEADLINE_MS });
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
