import { startEtcd } from '../../spec/support/servers/etcdServer.js';
import type { RealServer } from '../../spec/support/servers/realServer.js';
import { startZooKeeper } from '../../spec/support/servers/zookeeperServer.js';
import { type ClientName, OURS, RAW } from '../clients/index.js';
import type { BackendName } from './figure.js';
import { connectProvider, type Provider } from './provider.js';
import { Worker } from './worker.js';

/** A session timeout that no figure waits for. */
const SESSION_TIMEOUT_MS = 30_000;

/** What a figure is measured on: a real server of its own, somebody who changes things there, and clients in processes. */
export class Stage implements AsyncDisposable {
  readonly backend: BackendName | undefined;
  readonly quick: boolean;
  readonly progress: (line: string) => void;
  readonly #server: RealServer | undefined;
  readonly #workers: Worker[] = [];
  #provider: Provider | undefined;

  private constructor(options: StageOptions, server?: RealServer) {
    this.backend = options.backend;
    this.quick = options.quick;
    this.progress = options.progress;
    this.#server = server;
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { backend } = options;
    if (!backend) return new Stage(options);
    const server = await (backend === 'zookeeper'
      ? startZooKeeper({ tickTimeMs: 2_000, heapMb: 2_048 })
      : startEtcd({ flags: { 'heartbeat-interval': 100, 'election-timeout': 1_000 } }));
    const stage = new Stage(options, server);
    stage.#provider = await connectProvider(backend, server.address);
    return stage;
  }

  get server(): RealServer {
    return this.#server!;
  }

  get provider(): Provider {
    return this.#provider!;
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
    return this.worker(OURS[this.backend!]);
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
