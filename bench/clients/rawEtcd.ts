import { Etcd3, type Lease, type Namespace } from 'etcd3';
import { nodeOf, providersOf } from '../harness/sampleUrls.js';
import { inWindow } from '../harness/inWindow.js';
import type { BenchClient } from './benchClient.js';
import { decodeAll, decodeProvider, type Provider } from './decoded.js';

/** Beyond it the server says "too many requests". */
const WINDOW = 128;
/** A put costs the server more the more keys its lease has: a single one for ten thousand would make raw puts look bad. */
const KEYS_PER_LEASE = 1_000;

/** etcd3 alone: single puts on leases of a thousand, a list is read whole and again when a watch of its prefix tells of a change. */
export class RawEtcdClient implements BenchClient {
  #etcd: Etcd3 | undefined;
  #sessionTimeoutMs = 30_000;
  readonly #leases: Lease[] = [];

  async connect(address: string, sessionTimeoutMs: number): Promise<void> {
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#etcd = new Etcd3({ hosts: address, grpcOptions: { 'grpc.max_receive_message_length': -1 } });
    await this.#etcd.get('/').exists();
  }

  async register(service: string, urls: readonly string[]): Promise<void> {
    for (let from = 0; from < urls.length; from += KEYS_PER_LEASE) {
      const lease = this.#etcd!.lease(Math.ceil(this.#sessionTimeoutMs / 1_000));
      this.#leases.push(lease);
      await lease.grant();
      await inWindow(WINDOW, urls.slice(from, from + KEYS_PER_LEASE), (url) =>
        lease.put(nodeOf(service, url)).value('').exec(),
      );
    }
  }

  async list(service: string): Promise<number> {
    return decodeAll(await namesIn(this.directory(service))).size;
  }

  async follow(service: string, onList: (size: number) => void): Promise<void> {
    const directory = this.directory(service);
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

  credentials(): undefined {}

  async close(): Promise<void> {
    for (const lease of this.#leases) await lease.revoke();
    this.#etcd!.close();
  }

  protected directory(service: string): Namespace {
    return this.#etcd!.namespace(`${providersOf(service)}/`);
  }
}

/** etcd3 with its own watcher, which tells by name what happens, and loses some of it when a connection breaks. */
export class RawEtcdWatcherClient extends RawEtcdClient {
  override async follow(service: string, onList: (size: number) => void): Promise<void> {
    const directory = this.directory(service);
    const list = decodeAll(await namesIn(directory));
    const watcher = await directory.watch().prefix('').create();
    watcher.on('put', ({ key }) => {
      list.set(key.toString(), decodeProvider(key.toString()));
      onList(list.size);
    });
    watcher.on('delete', ({ key }) => {
      list.delete(key.toString());
      onList(list.size);
    });
    onList(list.size);
  }
}

function namesIn(directory: Namespace): Promise<string[]> {
  return directory.getAll().prefix('').keys();
}
