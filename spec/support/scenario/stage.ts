import type { Observable } from 'rxjs';
import {
  createRegistry,
  type Registry,
  type RegistryOptions,
  type RegistryWarning,
  type ServiceQuery,
  type ServiceUrl,
  type Session,
} from '../../../lib/index.js';
import { type FaultProxy, startFaultProxy } from '../proxy/faultProxy.js';
import { eventually } from '../servers/eventually.js';
import { ConsumerRecord } from './consumerRecord.js';
import { RegistrationRecord } from './registrationRecord.js';
import type { RegistryServer } from './registryServer.js';
import { StatesRecord } from './statesRecord.js';

/** How {@link Stage.client} connects. */
export interface ActorOptions extends RegistryOptions {
  readonly sessionMs?: number;
  /** The addresses of several servers, which are then reached directly. */
  readonly servers?: string;
  /** What stands before the host: `user:password@`. */
  readonly user?: string;
  /** What stands behind the port: a path to live below. */
  readonly chroot?: string;
  /** More parameters of the address: `group=shop`. */
  readonly parameters?: string;
}

/** A program that uses the registry, with a network of its own that can fail. */
export class Actor {
  readonly registry: Registry;
  readonly proxy: FaultProxy;
  readonly states: StatesRecord;
  readonly warnings: RegistryWarning[] = [];
  readonly consumers: ConsumerRecord[] = [];

  constructor(registry: Registry, proxy: FaultProxy) {
    this.registry = registry;
    this.proxy = proxy;
    registry.warnings.subscribe((warning) => {
      // What most providers of the specs are warned of, on purpose: they belong to no application, and live on this machine.
      if (warning.code !== 'NO_APPLICATION' && warning.code !== 'LOOPBACK_HOST') this.warnings.push(warning);
    });
    this.states = new StatesRecord(registry.states);
  }

  /** Resolves with the session as soon as it is connected. */
  connected(withinMs = 15_000): Promise<Session> {
    return eventually(
      () => {
        const { last } = this.states;
        return last?.status === 'connected' && last.session;
      },
      { what: 'a connection', withinMs },
    );
  }

  register(url: string | ServiceUrl | Observable<string | ServiceUrl>): RegistrationRecord {
    return new RegistrationRecord(this.registry, url);
  }

  consume(query: string | ServiceQuery): ConsumerRecord {
    const consumer = new ConsumerRecord(this.registry, query);
    this.consumers.push(consumer);
    return consumer;
  }
}

/** The actors of one spec on one server: closed together, and judged at the end for what they were told. */
export class Stage {
  readonly server: RegistryServer;
  #actors: Actor[] = [];

  constructor(server: RegistryServer) {
    this.server = server;
  }

  /** How many connections all of them have now. */
  get connections(): number {
    return this.#actors.reduce((sum, { proxy }) => sum + proxy.connections, 0);
  }

  /** Makes a registry behind a proxy of its own, and waits until it is connected. */
  async connect(options: ActorOptions = {}): Promise<Actor> {
    const actor = await this.enter(options);
    await actor.connected();
    return actor;
  }

  /** Makes a registry behind a proxy of its own. */
  async enter(options: ActorOptions = {}): Promise<Actor> {
    const { sessionMs = 10_000, servers, user = '', chroot = '', parameters, ...registryOptions } = options;
    const proxy = await startFaultProxy({ port: this.server.port });
    const query = [`session=${sessionMs}`, ...(parameters ? [parameters] : [])].join('&');
    const address = `${this.server.scheme}://${user}${servers ?? proxy.address}${chroot}?${query}`;
    const actor = new Actor(createRegistry(address, registryOptions), proxy);
    this.#actors.push(actor);
    return actor;
  }

  /** Closes everybody; throws if anybody was ever told what is not legal. */
  async clear(): Promise<void> {
    const actors = this.#actors;
    this.#actors = [];
    await Promise.all(actors.map(({ registry }) => registry.close({ deadlineMs: 5_000 })));
    await Promise.all(actors.map(({ proxy }) => proxy.close()));
    const flaws = actors.flatMap(({ states, consumers }) => [
      ...states.flaws,
      ...consumers.flatMap((consumer) => consumer.flaws),
    ]);
    if (flaws.length > 0) throw new Error(`legal events, legal states: ${flaws.join('; ')}`);
  }
}
