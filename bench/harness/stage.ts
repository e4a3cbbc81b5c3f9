import { type EtcdServer, startEtcd } from '../../spec/support/servers/etcdServer.js';
import { startZooKeeper, type ZooKeeperServer } from '../../spec/support/servers/zookeeperServer.js';
import { type ClientName, OURS, RAW } from '../clients/index.js';
import type { BackendName } from './figure.js';
import { connectProvider, type Provider } from './provider.js';
import { Worker } from './worker.js';

type Server = ZooKeeperServer | EtcdServer;

/** A session timeout that no figure waits for. */
const SESSION_TIMEOUT_MS = 30_000;

/** What a figure is measured on: a real server of its own, somebody who changes things there, and clients in processes. */
export class Stage implements AsyncDisposable {
  readonly backend: BackendName | undefined;
  readonly quick: boolean;
  readonly progress: (line: string) => void;
  readonly #server: Server | undefined;
  readonly #workers: Worker[] = [];
  #provider: Provider | undefined;

  private constructor(options: StageOptions, server?: Server) {
    this.backend = options.backend;
    this.quick = options.quick;
    this.progress = options.progress;
    this.#server = server;
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { backend } = options;
    if (!backend) return new Stage(options);
    const server: Server = await (backend === 'zookeeper'
      ? startZooKeeper({ tickTimeMs: 2_000, heapMb: 2_048 })
      : startEtcd({ flags: { 'heartbeat-interval': 100, 'election-timeout': 1_000 } }));
    const stage = new Stage(options, server);
    stage.#provider = await connectProvider(backend, server.address);
    return stage;
  }

  get server(): Server {
    return this.#server!;
  }

  get provider(): Provider {
    return this.#provider!;
  }

  get serverPid(): number {
    return this.server.pid!;
  }

  get oursName(): ClientName {
    return OURS[this.backend!];
  }

  get rawName(): ClientName {
    return RAW[this.backend!];
  }

  /** As often as is worth it, or as is quick. */
  times(often: number, quick: number): number {
    return this.quick ? quick : often;
  }

  /** A process with our client. */
  ours(): Promise<Worker> {
    return this.worker(this.oursName);
  }

  /** A process with the raw client. */
  raw(): Promise<Worker> {
    return this.worker(this.rawName);
  }

  /** A process with a client, connected. */
  async worker(
    name: ClientName,
    { sessionTimeoutMs = SESSION_TIMEOUT_MS, address = this.server.address } = {},
  ): Promise<Worker> {
    const worker = new Worker(name);
    this.#workers.push(worker);
    await worker.call('connect', address, sessionTimeoutMs);
    return worker;
  }

  /** Has a worker leave and come as another client, in the same process. */
  async reconnect(worker: Worker): Promise<void> {
    await worker.call('close');
    await worker.call('connect', this.server.address, SESSION_TIMEOUT_MS);
  }

  /** Ends a worker's session at the server. */
  async loseSession(worker: Worker): Promise<void> {
    if ('command' in this.server) {
      const { id, password } = (await worker.call('credentials'))!;
      await this.server.expire(Buffer.from(id), Buffer.from(password));
      return;
    }
    for (const lease of await this.server.raw.leases()) await this.server.raw.revoke(lease);
  }

  /** How many watches the server keeps. */
  async watches(): Promise<number> {
    if (!('command' in this.server)) return this.server.raw.watches();
    return Number(/^zk_watch_count\t(\d+)/m.exec(await this.server.command('mntr'))![1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
    await this.#provider?.close();
    await this.#server?.close();
  }
}

/** How a {@link Stage} is set. */
export interface StageOptions {
  readonly backend: BackendName | undefined;
  readonly quick: boolean;
  readonly progress: (line: string) => void;
}
