import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { BenchClient } from './benchClient.js';

/** Where they are installed, apart from what the package needs. */
export const PEERS_FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));
export const PEERS = ['apache-dubbo-registry', 'apache-dubbo-js'] as const;

const requirePeer = createRequire(`${PEERS_FOLDER}package.json`);

/** What is used of `apache-dubbo-registry`. */
interface DubboRegistry {
  readonly Zk: (options: { readonly connect: string; readonly timeout: number }) => {
    ready(): Promise<void>;
    registerServices(
      services: readonly { readonly dubboServiceInterface: string; readonly dubboServiceUrl: string }[],
    ): Promise<void>;
    findDubboServiceUrls(services: readonly string[]): Promise<void>;
    subscribe(listener: {
      readonly onData: (urls: ReadonlyMap<string, readonly string[]>) => void;
      readonly onError: (error: unknown) => void;
    }): void;
    close(): void;
  };
}

/** apache-dubbo-registry: providers are announced one after another, a list is read again whenever it changes. */
export class DubboRegistryClient implements BenchClient {
  #registry: ReturnType<DubboRegistry['Zk']> | undefined;

  async connect(address: string, sessionTimeoutMs: number): Promise<void> {
    const { Zk } = requirePeer('apache-dubbo-registry') as DubboRegistry;
    this.#registry = Zk({ connect: address, timeout: sessionTimeoutMs });
    await this.#registry.ready();
  }

  async register(service: string, urls: readonly string[]): Promise<void> {
    await this.#registry!.registerServices(
      urls.map((url) => ({ dubboServiceInterface: service, dubboServiceUrl: url })),
    );
  }

  async list(service: string): Promise<number> {
    return new Promise((resolve, reject) => {
      void this.follow(service, resolve).catch(reject);
    });
  }

  async follow(service: string, onList: (size: number) => void): Promise<void> {
    const registry = this.#registry!;
    registry.subscribe({ onData: (urls) => onList(urls.get(service)?.length ?? 0), onError: () => undefined });
    await registry.findDubboServiceUrls([service]);
  }

  credentials(): undefined {}

  async close(): Promise<void> {
    this.#registry!.close();
  }
}

/** What is used of `apache-dubbo-js`. */
interface DubboJs {
  readonly zk: (options: { readonly url: string }) => (consumer: {
    readonly application: { readonly name: string };
    readonly interfaces: readonly string[];
    readonly dubboSetting: unknown;
  }) => {
    subscribe(listener: {
      readonly onData: (addresses: ReadonlySet<string>) => void;
      readonly onError: (error: unknown) => void;
    }): void;
  };
  readonly setting: { match(pattern: RegExp, defaults: { readonly version: string }): unknown };
}

/** apache-dubbo-js, which follows and announces nothing; it connects when it begins to follow. */
export class DubboJsClient implements BenchClient {
  #address = '';

  async connect(address: string): Promise<void> {
    this.#address = address;
    // Loaded now, as with the others.
    requirePeer('apache-dubbo-js');
  }

  register(): Promise<void> {
    return Promise.reject(new Error('apache-dubbo-js registers no providers.'));
  }

  list(service: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.follow(service, resolve).catch(reject);
    });
  }

  async follow(service: string, onList: (size: number) => void): Promise<void> {
    const { zk, setting } = requirePeer('apache-dubbo-js') as DubboJs;
    const follow = zk({ url: this.#address });
    await new Promise<void>((resolve) => {
      follow({
        application: { name: 'bench' },
        interfaces: [service],
        dubboSetting: setting.match(/^com/, { version: '1.0.0' }),
      }).subscribe({
        onData: (addresses) => {
          onList(addresses.size);
          resolve();
        },
        onError: () => undefined,
      });
    });
  }

  credentials(): undefined {}

  async close(): Promise<void> {
    // It cannot be closed; it goes with its process.
  }
}
