import nodeZooKeeper, { type Client } from 'node-zookeeper-client';
import { nodeOf, providersOf } from '../harness/sampleUrls.js';
import type { BenchClient, Credentials } from './benchClient.js';
import { decodeAll, type Provider } from './decoded.js';

const { createClient, CreateMode } = nodeZooKeeper;

/** node-zookeeper-client alone: creates are pipelined, a list is read with a one-shot watch and again when that fires. */
export class RawZooKeeperClient implements BenchClient {
  #client: Client | undefined;

  connect(address: string, sessionTimeoutMs: number): Promise<void> {
    const client = (this.#client = createClient(address, { sessionTimeout: sessionTimeoutMs, retries: 0 }));
    return new Promise((resolve) => {
      client.once('connected', resolve);
      client.connect();
    });
  }

  async register(service: string, urls: readonly string[]): Promise<void> {
    const client = this.#client!;
    await settled((done) => client.mkdirp(providersOf(service), done));
    await Promise.all(
      urls.map((url) => settled((done) => client.create(nodeOf(service, url), CreateMode.EPHEMERAL, done))),
    );
  }

  async list(service: string): Promise<number> {
    return decodeAll(await this.#names(service)).size;
  }

  async follow(service: string, onList: (size: number) => void): Promise<void> {
    let list: ReadonlyMap<string, Provider> = new Map();
    const read = async (): Promise<void> => {
      list = decodeAll(await this.#names(service, () => void read()), list);
      onList(list.size);
    };
    await read();
  }

  credentials(): Credentials {
    return { id: this.#client!.getSessionId(), password: this.#client!.getSessionPassword() };
  }

  close(): Promise<void> {
    const client = this.#client!;
    return new Promise((resolve) => {
      client.once('disconnected', resolve);
      client.close();
    });
  }

  #names(service: string, onChanged?: () => void): Promise<string[]> {
    const client = this.#client!;
    const path = providersOf(service);
    return settled((done) => {
      if (onChanged) client.getChildren(path, onChanged, done);
      else client.getChildren(path, done);
    });
  }
}

/** A call with a callback as a promise. */
export function settled<T>(call: (done: (error: unknown, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error) reject(error instanceof Error ? error : new Error(JSON.stringify(error)));
      else resolve(value);
    });
  });
}
