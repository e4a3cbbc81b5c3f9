import { EtcdHistory } from '../history/etcdHistory.js';
import type { ServerHistory } from '../history/serverHistory.js';
import { ZooKeeperHistory } from '../history/zookeeperHistory.js';
import type { SessionHandle } from '../population/actors.js';
import { EtcdRegistry } from '../scenario/etcdRegistry.js';
import type { RegistryServer } from '../scenario/registryServer.js';
import { sessionsOf, watchesOf, ZooKeeperRegistry } from '../scenario/zookeeperRegistry.js';
import { type EtcdCluster, startEtcdCluster } from '../servers/etcdCluster.js';
import { eventually } from '../servers/eventually.js';
import type { RawEtcd } from '../servers/rawEtcd.js';
import { type RawZooKeeper, RawZooKeeperError } from '../servers/rawZooKeeper.js';
import { startZooKeeperEnsemble, type ZooKeeperEnsemble } from '../servers/zookeeperEnsemble.js';

/** The kinds of servers that the matrix is run on. */
export const KINDS = ['zookeeper', 'etcd'] as const;
export type Kind = (typeof KINDS)[number];

/** Three real servers that are one registry, their history, and what third parties do to them. */
export interface FaultCluster {
  readonly kind: Kind;
  /** What stands before the hosts of its address. */
  readonly user: string;
  readonly servers: readonly RegistryServer[];
  readonly history: ServerHistory;
  leader(): Promise<RegistryServer>;
  /** One that follows. */
  follower(): Promise<RegistryServer>;
  /** Makes a node that stays for good, if there is none, and the directories above it. */
  put(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Removes a node with all below it in one step. */
  removeTree(path: string): Promise<void>;
  /** Ends somebody's session. */
  end(session: SessionHandle): Promise<void>;
  /** The sessions, or leases, that are alive. */
  owners(): Promise<ReadonlySet<string>>;
  /** As how many watches the servers count one on a directory. */
  readonly watchesPerDirectory: number;
  /** How many watches all servers together hold for their clients, the history's own left out. */
  watches(): Promise<number>;
  /** Takes away what everybody may do, and gives it back. */
  revoke(): Promise<void>;
  restore(): Promise<void>;
  /** Forgets all history before now, if it keeps one. */
  compact(): Promise<void>;
  /** Takes all data from all servers, which begin again as a new cluster. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

/** Who everybody is, where that is asked. */
const [USER, PASSWORD] = ['shop', 'secret'];
/** The directory of which rights are revoked, and what is left of them: to look at them and to change them. */
const [GUARDED, EVERYTHING, ADMINISTRATION] = ['/dubbo/faults.Alpha/providers', 31, 16];

/** Starts three servers of a kind; resolves when they serve. With users, etcd asks everybody who they are. */
export async function startFaultCluster(kind: Kind, withUsers = false): Promise<FaultCluster> {
  if (kind === 'zookeeper') return new ZooKeeperGround(await startZooKeeper());
  if (!withUsers) return new EtcdGround(await startEtcdCluster(), '');
  const cluster = await startEtcdCluster(3, { rootPassword: 'root' });
  await cluster.servers[0]!.users.add(USER, PASSWORD, { '/dubbo': 'READWRITE' });
  return new EtcdGround(cluster, `${USER}:${PASSWORD}@`);
}

/** Session timeouts up to 6 s, and logs that are small enough to be read again and again. */
function startZooKeeper(): Promise<ZooKeeperEnsemble> {
  return startZooKeeperEnsemble({ tickTimeMs: 300, systemProperties: { 'zookeeper.preAllocSize': 64 } });
}

class ZooKeeperGround implements FaultCluster {
  readonly kind = 'zookeeper';
  readonly user = '';
  /** A persistent watch is one for the data and one for the children. */
  readonly watchesPerDirectory = 2;
  readonly servers: readonly ZooKeeperRegistry[];
  readonly history: ServerHistory;
  readonly #ensemble: ZooKeeperEnsemble;

  constructor(ensemble: ZooKeeperEnsemble) {
    this.#ensemble = ensemble;
    this.servers = ensemble.servers.map((server) => new ZooKeeperRegistry(server));
    this.history = new ZooKeeperHistory(ensemble.servers);
  }

  async leader(): Promise<RegistryServer> {
    return this.servers[this.#ensemble.servers.indexOf(await this.#ensemble.leader())]!;
  }

  async follower(): Promise<RegistryServer> {
    const [first] = await this.#ensemble.followers();
    return this.servers[this.#ensemble.servers.indexOf(first!)]!;
  }

  async put(path: string): Promise<void> {
    await (await this.#leading()).create(path, { parents: true }).catch(unless('NODE_EXISTS'));
  }

  async remove(path: string): Promise<void> {
    await (await this.#leading()).remove(path);
  }

  async removeTree(path: string): Promise<void> {
    const raw = await this.#leading();
    // What is made meanwhile makes it fail as a whole.
    await eventually(async () => raw.removeAll(await raw.tree(path)), { what: `the end of ${path}`, everyMs: 1 });
  }

  async end({ id, password = '' }: SessionHandle): Promise<void> {
    await (await this.#ensemble.leader()).expire(id, Buffer.from(password, 'hex'));
  }

  async owners(): Promise<ReadonlySet<string>> {
    return new Set(await sessionsOf(await this.#ensemble.leader()));
  }

  async watches(): Promise<number> {
    const counts = await Promise.all(this.#ensemble.servers.map(watchesOf));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async revoke(): Promise<void> {
    await (await this.#leading()).setAcl(GUARDED, ADMINISTRATION);
  }

  async restore(): Promise<void> {
    await (await this.#leading()).setAcl(GUARDED, EVERYTHING);
  }

  async compact(): Promise<void> {}

  async #leading(): Promise<RawZooKeeper> {
    return this.servers[this.#ensemble.servers.indexOf(await this.#ensemble.leader())]!.raw();
  }

  async wipe(): Promise<void> {
    await wipeAll(this.servers, this.history);
  }

  async close(): Promise<void> {
    await this.history.close();
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

class EtcdGround implements FaultCluster {
  readonly kind = 'etcd';
  readonly watchesPerDirectory = 1;
  readonly user: string;
  readonly servers: readonly EtcdRegistry[];
  readonly history: ServerHistory;
  readonly #cluster: EtcdCluster;
  #turn = 0;

  constructor(cluster: EtcdCluster, user: string) {
    this.user = user;
    this.#cluster = cluster;
    this.servers = cluster.servers.map((server) => new EtcdRegistry(server));
    this.history = new EtcdHistory(cluster.servers.map(({ raw }) => raw));
  }

  async leader(): Promise<RegistryServer> {
    return this.servers[this.#cluster.servers.indexOf(await this.#cluster.leader())]!;
  }

  async follower(): Promise<RegistryServer> {
    const [first] = await this.#cluster.followers();
    return this.servers[this.#cluster.servers.indexOf(first!)]!;
  }

  async put(path: string): Promise<void> {
    await this.#next().put(path);
  }

  async remove(path: string): Promise<void> {
    await this.#next().delete(path);
  }

  async removeTree(path: string): Promise<void> {
    await this.#next().deleteRange(path);
  }

  /** One after another, as each takes its time. */
  #next(): RawEtcd {
    this.#turn = (this.#turn + 1) % this.servers.length;
    return this.servers[this.#turn]!.raw;
  }

  async end({ leases = [] }: SessionHandle): Promise<void> {
    const { raw } = await this.#cluster.leader();
    await Promise.all(leases.map((lease) => raw.revoke(lease)));
  }

  async owners(): Promise<ReadonlySet<string>> {
    const { raw } = await this.#cluster.leader();
    return new Set(await raw.leases());
  }

  async watches(): Promise<number> {
    const counts = await Promise.all(this.#cluster.servers.map(({ raw }) => raw.watches()));
    return counts.reduce((sum, count) => sum + count, -this.servers.length);
  }

  async revoke(): Promise<void> {
    await (await this.#cluster.leader()).users.revokeRole(USER);
  }

  async restore(): Promise<void> {
    await (await this.#cluster.leader()).users.grantRole(USER);
  }

  async compact(): Promise<void> {
    await (await this.#cluster.leader()).raw.compact();
  }

  async wipe(): Promise<void> {
    await wipeAll(this.servers, this.history);
  }

  async close(): Promise<void> {
    await this.history.close();
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

function unless(name: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof RawZooKeeperError && error.name === name)) throw error as Error;
  };
}

/** None of the new ones may meet one of the old. */
async function wipeAll(servers: readonly RegistryServer[], history: ServerHistory): Promise<void> {
  await Promise.all(servers.map((server) => server.kill()));
  await history.wiped();
  await Promise.all(servers.map((server) => eventually(() => server.wipe(), { withinMs: 30_000, everyMs: 200 })));
}
