import { Etcd3 } from 'etcd3';
import nodeZooKeeper, { type Client } from 'node-zookeeper-client';
import { settled } from '../clients/rawZooKeeper.js';
import type { BackendName } from './figure.js';
import { inWindow } from './inWindow.js';
import { nodeOf, providersOf, sampleUrls } from './sampleUrls.js';

/** Makes the changes that clients are to see, from this process, in the cheapest way there is. */
export interface Provider {
  /** Makes providers, in transactions of a hundred. */
  fill(service: string, count: number, from?: number): Promise<void>;
  /** One joins. */
  add(service: string, url: string): Promise<void>;
  /** One leaves. */
  remove(service: string, url: string): Promise<void>;
  /** What one says of itself changes: its new node comes, its old one goes, as Dubbo does it. */
  replace(service: string, before: string, after: string): Promise<void>;
  close(): Promise<void>;
}

export async function connectProvider(backend: BackendName, address: string): Promise<Provider> {
  const provider = await (backend === 'zookeeper' ? connectZooKeeperProvider : connectEtcdProvider)(address);
  return {
    ...provider,
    replace: async (service, before, after) => {
      await provider.add(service, after);
      await provider.remove(service, before);
    },
  };
}

type Basics = Omit<Provider, 'replace'>;

const AT_ONCE = 100;

function batches(service: string, count: number, from: number): string[][] {
  const nodes = sampleUrls(service, count, from).map((url) => nodeOf(service, url));
  return Array.from({ length: Math.ceil(count / AT_ONCE) }, (_, index) =>
    nodes.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
}

async function connectZooKeeperProvider(address: string): Promise<Basics> {
  const client: Client = nodeZooKeeper.createClient(address, { sessionTimeout: 30_000 });
  await new Promise<void>((resolve) => {
    client.once('connected', resolve);
    client.connect();
  });
  return {
    fill: async (service, count, from = 0) => {
      await settled((done) => client.mkdirp(providersOf(service), done));
      await inWindow(4, batches(service, count, from), (nodes) =>
        settled((done) => {
          const transaction = client.transaction();
          for (const node of nodes) transaction.create(node);
          transaction.commit(done);
        }),
      );
    },
    add: (service, url) => settled((done) => client.create(nodeOf(service, url), (error) => done(error, undefined))),
    remove: (service, url) => settled((done) => client.remove(nodeOf(service, url), (error) => done(error, undefined))),
    close: async () => client.close(),
  };
}

async function connectEtcdProvider(address: string): Promise<Basics> {
  const etcd = new Etcd3({ hosts: address });
  return {
    fill: (service, count, from = 0) =>
      inWindow(4, batches(service, count, from), (nodes) =>
        etcd.kv.txn({
          success: nodes.map((node) => ({ request_put: { key: Buffer.from(node), value: Buffer.alloc(0) } })),
        }),
      ),
    add: async (service, url) => void (await etcd.put(nodeOf(service, url)).value('').exec()),
    remove: async (service, url) => void (await etcd.delete().key(nodeOf(service, url)).exec()),
    close: async () => etcd.close(),
  };
}
