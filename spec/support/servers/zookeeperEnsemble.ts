import { eventually } from './eventually.js';
import { freePort } from './freePort.js';
import { startNodes } from './startNodes.js';
import { START_DEADLINE_MS, zookeeperNode, type ZooKeeperOptions, type ZooKeeperServer } from './zookeeperNode.js';

/** Three real ZooKeeper servers that elect a leader among them. */
export interface ZooKeeperEnsemble extends AsyncDisposable {
  /** The three; `start()` of one resolves only when enough of them run for a majority. */
  readonly servers: readonly ZooKeeperServer[];
  /** The addresses of all three, comma-separated. */
  readonly addresses: string;
  /** The one that leads now; waits while there is none. */
  leader(): Promise<ZooKeeperServer>;
  /** Those that follow the present leader now; waits while there is none. */
  followers(): Promise<ZooKeeperServer[]>;
  /** Kills all and removes their folders. */
  close(): Promise<void>;
}

/** Starts three servers on free ports; resolves when all of them serve. */
export async function startZooKeeperEnsemble(options: ZooKeeperOptions = {}): Promise<ZooKeeperEnsemble> {
  const servers: readonly ZooKeeperServer[] = await startNodes(() => prepareNodes(options));
  const close = async () => void (await Promise.all(servers.map((server) => server.close())));
  const leader = () =>
    eventually(async () => (await inMode(servers, 'leader'))[0] ?? null, {
      what: 'a leader',
      withinMs: START_DEADLINE_MS,
    });
  return {
    servers,
    addresses: servers.map((server) => server.address).join(','),
    leader,
    followers: async () => {
      await leader();
      return inMode(servers, 'follower');
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function prepareNodes(options: ZooKeeperOptions) {
  const ids = [1, 2, 3];
  const config: Record<string, string | number> = { initLimit: 20, syncLimit: 5 };
  for (const id of ids) config[`server.${id}`] = `127.0.0.1:${await freePort()}:${await freePort()}`;
  const complete = { ...options, config: { ...config, ...options.config } };
  return Promise.all(ids.map(async (id) => zookeeperNode(await freePort(), complete, id)));
}

async function inMode(servers: readonly ZooKeeperServer[], mode: string): Promise<ZooKeeperServer[]> {
  const answers = await Promise.all(servers.map((server) => server.command('srvr').catch(() => '')));
  return servers.filter((_, index) => answers[index]?.includes(`Mode: ${mode}`));
}
