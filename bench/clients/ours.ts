import { BehaviorSubject, filter, firstValueFrom, Subscription } from 'rxjs';
import type { ConnectionState, Registry, ServiceQuery, Session } from '../../lib/index.js';
import { built } from '../harness/built.js';
import type { BackendName } from '../harness/figure.js';
import type { BenchClient, Credentials } from './benchClient.js';

/** rx-registry. */
export class OurClient implements BenchClient {
  readonly #backend: BackendName;
  readonly #held = new Subscription();
  /** Whether everything that was announced is there now. */
  readonly #allThere = new BehaviorSubject(true);
  #missing = 0;
  #session: Session | undefined;
  #registry: Registry | undefined;

  constructor(backend: BackendName) {
    this.#backend = backend;
  }

  get registry(): Registry {
    return this.#registry!;
  }

  async connect(address: string, sessionTimeoutMs: number): Promise<void> {
    const { createRegistry } = await built('index.js');
    const registry = (this.#registry = createRegistry(`${this.#backend}://${address}?session=${sessionTimeoutMs}`));
    this.#held.add(registry.states.subscribe((state) => (this.#session = sessionOf(state) ?? this.#session)));
    await firstValueFrom(registry.states.pipe(filter(({ status }) => status === 'connected')));
  }

  async register(_service: string, urls: readonly string[]): Promise<void> {
    this.#count(urls.length);
    for (const url of urls) {
      let isThere = false;
      this.#held.add(
        this.registry.register(url).subscribe(({ status }) => {
          if (isThere === (status === 'registered')) return;
          isThere = !isThere;
          this.#count(isThere ? -1 : 1);
        }),
      );
    }
    await firstValueFrom(this.#allThere.pipe(filter(Boolean)));
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

  credentials(): Credentials | undefined {
    return (this.#session as Session & { readonly credentials?: Credentials }).credentials;
  }

  async reasserted(onBegun: () => void): Promise<void> {
    const lost = this.#session;
    const isNew = (state: ConnectionState): boolean => state.status === 'connected' && state.session !== lost;
    await firstValueFrom(this.registry.states.pipe(filter(isNew)));
    onBegun();
    await firstValueFrom(this.#allThere.pipe(filter(Boolean)));
  }

  async close(): Promise<void> {
    await this.registry.close({ deadlineMs: 20_000 });
  }

  #count(missing: number): void {
    this.#missing += missing;
    if (this.#allThere.value !== (this.#missing === 0)) this.#allThere.next(this.#missing === 0);
  }
}

export function queryFor(service: string): ServiceQuery {
  return { interface: service, version: '1.0.0' };
}
function sessionOf(state: ConnectionState): Session | undefined {
  return state.status === 'connected' ? state.session : undefined;
}
