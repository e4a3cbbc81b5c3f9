import { Etcd3, type Lease, type Namespace } from 'etcd3';
import { nodeOf, providersOf } from '../harness/sampleUrls.js';
import { inWindow } from '../harness/inWindow.js';
import type { BenchClient } from './benchClient.js';
import { decodeAll, type Provider } from './decoded.js';

/** Beyond it the server says "too many requests". */
const WINDOW = 128;

/** etcd3 alone: single puts on one lease, a list is read whole and again when a watch of its prefix tells of a change. */
export class RawEtcdClient implements BenchClient {
  #etcd: Etcd3 | undefined;
  #sessionTimeoutMs = 30_000;
  #lease: Lease | undefined;

  async connect(address: string, sessionTimeoutMs: number): Promise<void> {
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#etcd = new Etcd3({ hosts: address, grpcOptions: { 'grpc.max_receive_message_length': -1 } });
    await this.#etcd.get('/').exists();
  }

  async register(service: string, urls: readonly string[]): Promise<void> {
    const lease = (this.#lease ??= this.#etcd!.lease(Math.ceil(this.#sessionTimeoutMs / 1_000)));
    await lease.grant();
    await inWindow(WINDOW, urls, (url) => lease.put(nodeOf(service, url)).value('').exec());
  }

  async list(service: string): Promise<number> {
    return decodeAll(await namesIn(this.#directory(service))).size;
  }

  async follow(service: string, onList: (size: number) => void): Promise<void> {
    const directory = this.#directory(service);
    let list: ReadonlyMap<string, Provider> = new Map();
    let reading = false;
    let changed = false;
    const read = async (): Promise<void> => {
      // As with a one-shot watch: what comes while it reads costs one more read.
      changed = reading;
      if (reading) return;
      reading = true;
      do {
        changed = false;
        list = decodeAll(await namesIn(directory), list);
        onList(list.size);
      } while (changed as boolean);
      reading = false;
    };
    const watcher = await directory.watch().prefix('').create();
    watcher.on('data', () => void read());
    await read();
  }

  async close(): Promise<void> {
    await this.#lease?.revoke();
    this.#etcd!.close();
  }

  #directory(service: string): Namespace {
    return this.#etcd!.namespace(`${providersOf(service)}/`);
  }
}

function namesIn(directory: Namespace): Promise<string[]> {
  return directory.getAll().prefix('').keys();
}
