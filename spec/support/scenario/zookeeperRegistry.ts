import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { ZooKeeperSession } from '../../../lib/backends/zookeeper/zookeeperSession.js';
import type { Session } from '../../../lib/index.js';
import { connectRawZooKeeper, type RawStat, type RawZooKeeper, RawZooKeeperError } from '../servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperOptions, type ZooKeeperServer } from '../servers/zookeeperServer.js';
import type { HeldNode, RegistryServer, Stranger } from './registryServer.js';
import { WrappedServer } from './wrappedServer.js';

/** Starts a ZooKeeper server as a registry. */
export async function startZooKeeperRegistry(options: ZooKeeperOptions = {}): Promise<ZooKeeperRegistry> {
  return new ZooKeeperRegistry(await startZooKeeper(options));
}

/** A ZooKeeper server as a registry. */
export class ZooKeeperRegistry extends WrappedServer<ZooKeeperServer> implements RegistryServer {
  readonly scheme = 'zookeeper';
  readonly tooManyBytes = 1_000_001;
  readonly backend = zookeeper;
  #raw: Promise<RawZooKeeper> | undefined;

  async expire(session: Session): Promise<void> {
    await expireAt(this.server, session);
  }

  sessions(): Promise<readonly string[]> {
    return sessionsOf(this.server);
  }

  ownersOf(session: Session): readonly string[] {
    return [session.id];
  }

  async stranger(sessionTimeoutMs: number): Promise<Stranger> {
    const client = await connectRawZooKeeper(this.port, { sessionTimeoutMs });
    return {
      id: client.sessionId,
      hold: async (path, data = '') => void (await client.create(path, { data, ephemeral: true, parents: true })),
      abandon: () => client.abandon(),
      leave: () => client.close(),
    };
  }

  async node(path: string): Promise<HeldNode | undefined> {
    const raw = await this.raw();
    const stat = await raw.stat(path);
    if (!stat) return undefined;
    return held(path, stat, stat.dataLength > 0 ? await raw.data(path) : Buffer.alloc(0));
  }

  async children(directory: string): Promise<HeldNode[]> {
    const nodes = await Promise.all((await this.names(directory)).map((name) => this.node(`${directory}/${name}`)));
    return nodes.filter((node) => node !== undefined);
  }

  async names(directory: string): Promise<string[]> {
    const raw = await this.raw();
    return (await raw.stat(directory)) ? raw.children(directory) : [];
  }

  async create(path: string, data = ''): Promise<void> {
    await (await this.raw()).create(path, { data, parents: true });
  }

  async createBytes(directory: string, name: Buffer, data = Buffer.alloc(0)): Promise<boolean> {
    const path = Buffer.concat([Buffer.from(`${directory}/`), name]);
    const raw = await this.raw();
    try {
      await raw.createBytes(path, data);
      return true;
    } catch (error) {
      // It refuses what is no path, and hangs up where that is too long.
      if (error instanceof RawZooKeeperError ? error.name === 'BAD_ARGUMENTS' : !raw.connected) return false;
      throw error;
    }
  }

  async write(path: string, data: string): Promise<void> {
    await (await this.raw()).setData(path, data);
  }

  async remove(path: string): Promise<void> {
    await (await this.raw()).remove(path);
  }

  async removeTree(path: string): Promise<void> {
    await (await this.raw()).removeRecursive(path);
  }

  watches(): Promise<number> {
    return watchesOf(this.server);
  }

  /** How many requests have come in, those of pings and reports included. */
  async packetsReceived(): Promise<number> {
    return measure(await this.server.command('mntr'), 'zk_packets_received');
  }

  async load(): Promise<Record<string, number>> {
    const report = await this.server.command('mntr');
    const names = ['zk_watch_count', 'zk_ephemerals_count', 'zk_global_sessions', 'zk_num_alive_connections'];
    // It keeps a connection that has watched in mind, with nothing to it: the first number is not a load.
    const [, paths, watches] = (await this.server.command('wchs')).match(/\d+/g) ?? [];
    return {
      ...Object.fromEntries(names.map((name) => [name, measure(report, name)])),
      'paths that are watched': Number(paths),
      'watches of these': Number(watches),
      // The one that asks is among them.
      'connections there are': (await this.server.command('cons')).split('\n').filter((line) => line.trim()).length - 1,
    };
  }

  override async kill(): Promise<void> {
    await this.#leave();
    await super.kill();
  }

  override async restart(): Promise<void> {
    await this.#leave();
    await super.restart();
  }

  override async wipe(): Promise<void> {
    await this.#leave();
    await super.wipe();
  }

  override async close(): Promise<void> {
    await this.#leave();
    await super.close();
  }

  /** A client of another make, the same for as long as its connection lasts. */
  async raw(): Promise<RawZooKeeper> {
    const raw = await this.#raw?.catch(() => undefined);
    if (raw?.connected) return raw;
    this.#raw = connectRawZooKeeper(this.port);
    return this.#raw;
  }

  async #leave(): Promise<void> {
    const raw = await this.#raw?.catch(() => undefined);
    this.#raw = undefined;
    raw?.abandon();
  }
}

/** Ends a session of ours at a server. */
export async function expireAt(server: ZooKeeperServer, session: Session): Promise<void> {
  if (!(session instanceof ZooKeeperSession)) throw new TypeError('Not a session with ZooKeeper');
  await server.expire(ZooKeeperSession.credentialsOf(session).id, ZooKeeperSession.credentialsOf(session).password);
}

/**
 * The sessions that a server has, connected or not.
 *
 * The server is asked twice: while it writes the list, it moves each session that it hears of from one place of the list to
 * another, which may be one that it has passed.
 */
export async function sessionsOf(server: ZooKeeperServer): Promise<readonly string[]> {
  const lists = [await server.command('dump'), await server.command('dump')];
  return [...new Set(lists.flatMap((list) => list.split('Connections dump:')[0]!.match(/0x[0-9a-f]+/g) ?? []))];
}

/** How many watches of every kind a server holds. */
export async function watchesOf(server: ZooKeeperServer): Promise<number> {
  return measure(await server.command('mntr'), 'zk_watch_count');
}

/** One number of a server's `mntr` report. */
function measure(report: string, name: string): number {
  const line = report.split('\n').find((each) => each.startsWith(`${name}\t`));
  if (!line) throw new Error(`mntr does not tell ${name}`);
  return Number(line.split('\t')[1]);
}

function held(path: string, { ephemeralOwner, czxid, mzxid, version }: RawStat, data: Buffer): HeldNode {
  const owner = ephemeralOwner === '0x0' ? undefined : ephemeralOwner;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { path, name, data, owner, made: czxid, written: mzxid, writes: version };
}
