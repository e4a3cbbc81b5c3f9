import { filter, firstValueFrom, Subscription } from 'rxjs';
import type { Registry, ServiceQuery } from '../../lib/index.js';
import { built } from '../harness/built.js';
import type { BackendName } from '../harness/figure.js';
import type { BenchClient } from './benchClient.js';

/** rx-registry. */
export class OurClient implements BenchClient {
  readonly #backend: BackendName;
  readonly #held = new Subscription();
  #registry: Registry | undefined;

  constructor(backend: BackendName) {
    this.#backend = backend;
  }

  get registry(): Registry {
    return this.#registry!;
  }

  async connect(address: string, sessionTimeoutMs: number): Promise<void> {
    const { createRegistry } = await built();
    const registry = (this.#registry = createRegistry(`${this.#backend}://${address}?session=${sessionTimeoutMs}`));
    await firstValueFrom(registry.states.pipe(filter(({ status }) => status === 'connected')));
  }

  async register(_service: string, urls: readonly string[]): Promise<void> {
    let missing = urls.length;
    await new Promise<void>((resolve, reject) => {
      for (const url of urls) {
        let announced = false;
        const registration = this.registry.register(url).subscribe({
          next: ({ status }) => {
            if (status !== 'registered' || announced) return;
            announced = true;
            missing -= 1;
            if (missing === 0) resolve();
          },
          error: reject,
        });
        this.#held.add(registration);
      }
    });
  }

  async list(service: string): Promise<number> {
    return (await this.registry.lookup(queryFor(service))).size;
  }

  async follow(service: string, onList: (size: number) => void): Promise<void> {
    const sets = this.registry.instances(queryFor(service));
    await new Promise<void>((resolve, reject) => {
      this.#held.add(
        sets.subscribe({
          next: (set) => {
            onList(set.size);
            resolve();
          },
          error: reject,
        }),
      );
    });
  }

  async close(): Promise<void> {
    // What is held goes with the session: taking it back one by one is not what is measured.
    await this.registry.close({ deadlineMs: 20_000 });
  }
}

export function queryFor(service: string): ServiceQuery {
  return { interface: service, version: '1.0.0' };
}
