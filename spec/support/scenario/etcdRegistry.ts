import { etcd } from '../../../lib/backends/etcd/index.js';
import { EtcdSession } from '../../../lib/backends/etcd/etcdSession.js';
import type { Session } from '../../../lib/index.js';
import { type EtcdOptions, type EtcdServer, startEtcd } from '../servers/etcdServer.js';
import type { RawEtcd, RawKey } from '../servers/rawEtcd.js';
import type { HeldNode, RegistryServer, Stranger } from './registryServer.js';
import { WrappedServer } from './wrappedServer.js';

/** Starts an etcd server as a registry. */
export async function startEtcdRegistry(options: EtcdOptions = {}): Promise<EtcdRegistry> {
  return new EtcdRegistry(await startEtcd(options));
}

/** An etcd server as a registry: a node is a key, and so is a directory, as Dubbo's peers write them. */
export class EtcdRegistry extends WrappedServer<EtcdServer> implements RegistryServer {
  readonly scheme = 'etcd';
  readonly tooManyBytes = 1_572_865;
  readonly backend = etcd;
  #last: Promise<unknown> = Promise.resolve();

  get raw(): RawEtcd {
    return this.server.raw;
  }

  async expire(session: Session): Promise<void> {
    const leases = await this.raw.leases();
    await Promise.all(
      this.ownersOf(session)
        .filter((lease) => leases.includes(lease))
        .map((lease) => this.raw.revoke(lease)),
    );
  }

  sessions(): Promise<readonly string[]> {
    return this.raw.leases();
  }

  ownersOf(session: Session): readonly string[] {
    if (!(session instanceof EtcdSession)) throw new TypeError('Not a session with etcd');
    return session.leases.ids.map((id) => BigInt(id).toString(16));
  }

  async stranger(sessionTimeoutMs: number): Promise<Stranger> {
    const { id } = await this.raw.grant(Math.ceil(sessionTimeoutMs / 1_000));
    const keeping = setInterval(() => void this.raw.keep(id).catch(() => undefined), sessionTimeoutMs / 4);
    const abandon = () => clearInterval(keeping);
    return {
      id,
      hold: (path, data = '') => this.#create(path, data, id),
      abandon,
      leave: async () => {
        abandon();
        await this.raw.revoke(id);
      },
    };
  }

  async node(path: string): Promise<HeldNode | undefined> {
    const key = await this.raw.get(path);
    return key && held(key);
  }

  async children(directory: string): Promise<HeldNode[]> {
    const keys = await this.raw.range(`${directory}/`);
    return keys.filter(({ key }) => !key.slice(directory.length + 1).includes('/')).map(held);
  }

  async names(directory: string): Promise<string[]> {
    return (await this.children(directory)).map(({ name }) => name);
  }

  create(path: string, data = ''): Promise<void> {
    return this.#create(path, data);
  }

  async createBytes(directory: string, name: Buffer, data = Buffer.alloc(0)): Promise<boolean> {
    const key = Buffer.concat([Buffer.from(`${directory}/`), name]);
    return this.#inTurn(() => this.raw.put(key, data)).then(() => true);
  }

  write(path: string, data: string): Promise<void> {
    return this.#inTurn(async () => void (await this.raw.overwrite(path, data)));
  }

  remove(path: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!(await this.raw.delete(path))) throw new Error(`remove ${path}: there is none`);
    });
  }

  removeTree(path: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.raw.deleteRange(`${path}/`);
      await this.raw.delete(path);
    });
  }

  watches(): Promise<number> {
    return this.raw.watches();
  }

  async load(): Promise<Record<string, number>> {
    const leases = await this.raw.leases();
    const held = await Promise.all(leases.map((lease) => this.raw.lease(lease)));
    return {
      leases: leases.length,
      'keys with a lease': held.reduce((sum, lease) => sum + (lease?.keys.length ?? 0), 0),
      watches: await this.raw.watches(),
      'slow watches': await this.raw.metric('etcd_debugging_mvcc_slow_watcher_total'),
      'streams of the store': await this.raw.watchStreams(),
      'watch streams': await this.raw.openCalls('Watch'),
      'keep-alive streams': await this.raw.openCalls('LeaseKeepAlive'),
    };
  }

  #create(path: string, data: string, lease?: string): Promise<void> {
    const above: string[] = [];
    for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) above.push(path.slice(0, end));
    return this.#inTurn(async () => {
      const made = await this.raw.putNew(path, data, { above, ...(lease && { lease }) });
      if (!made) throw new Error(`create ${path}: there is one`);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function held({ key, value, lease, createRevision, modRevision, version }: RawKey): HeldNode {
  const name = key.slice(key.lastIndexOf('/') + 1);
  return {
    ...{ path: key, name, data: value, owner: lease },
    ...{ made: createRevision, written: modRevision, writes: version - 1 },
  };
}
