import type { Backend, Session } from '../../lib/port/index.js';
import { type FaultProxy, startFaultProxy } from '../support/proxy/faultProxy.js';
import type { BackendOptions } from '../support/scenario/registryServer.js';
import { Probe } from './probe.js';

/** A client of a server behind a fault proxy of its own. */
export interface Player {
  readonly proxy: FaultProxy;
  readonly probe: Probe;
}

/** Makes clients of one kind, and ends them all. */
export class Troupe<O extends BackendOptions> {
  readonly #backend: (servers: string, options?: O) => Backend;
  readonly #probes: Probe[] = [];
  readonly #proxies: FaultProxy[] = [];

  constructor(backend: (servers: string, options?: O) => Backend) {
    this.#backend = backend;
  }

  async proxy(port: number): Promise<FaultProxy> {
    const proxy = await startFaultProxy({ port });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Follows a client of some address. */
  follow(servers: string, options?: O): Probe {
    const defaults: BackendOptions = { sessionTimeoutMs: 10_000, reconnect: { baseMs: 20, maxMs: 100 } };
    return this.add(new Probe(this.#backend(servers, { ...defaults, ...options } as O)));
  }

  add(probe: Probe): Probe {
    this.#probes.push(probe);
    return probe;
  }

  /** A client behind a proxy, in session. */
  async join(port: number, options?: O): Promise<Player & { readonly session: Session }> {
    const proxy = await this.proxy(port);
    const probe = this.follow(proxy.address, options);
    return { proxy, probe, session: await probe.session() };
  }

  /** Ends all, and holds every trace to the table of states. */
  async clear(): Promise<void> {
    const probes = this.#probes.splice(0);
    await Promise.all(probes.map((probe) => probe.backend.close(1_000)));
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.close()));
    for (const probe of probes) probe.expectLegal();
  }
}
