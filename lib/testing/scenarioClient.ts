import { memory, type MemoryServer } from '../backends/memory/index.js';
import type { BackoffOptions } from '../connection/index.js';
import { withDefaults } from '../internal/options.js';
import type { Backend } from '../port/index.js';
import { type Registry, registryOn, type RegistryOptions } from '../registry.js';

/** How a {@link ScenarioClient} is made: as any registry, and as any client of a memory server. */
export interface ScenarioClientOptions extends RegistryOptions {
  /** How long the server keeps its session without a word, in milliseconds. @defaultValue that of the scenario */
  readonly sessionTimeoutMs?: number | undefined;
  /** The waits between attempts to connect. @defaultValue the usual ones, the same in every run */
  readonly reconnect?: BackoffOptions | undefined;
}

/** One client program in a scenario: its registry, and what can befall it alone. */
export class ScenarioClient {
  /** What the program holds. It connects at first use. */
  readonly registry: Registry;
  /** The client as the server's own methods take it. */
  readonly backend: Backend;
  readonly #server: MemoryServer;

  /** @internal */
  constructor(server: MemoryServer, sessionTimeoutMs: number, random: () => number, options: ScenarioClientOptions) {
    const { reconnect, sessionTimeoutMs: own = sessionTimeoutMs, ...rest } = options;
    this.#server = server;
    this.backend = memory({ server, sessionTimeoutMs: own, reconnect: withDefaults({ random }, reconnect) });
    this.registry = registryOn(this.backend, { ...rest, retry: withDefaults({ random }, rest.retry) });
  }

  /** Ends its session on the server, as if nothing had been heard of it: what it registered is gone, it learns that later. */
  expire(): void {
    this.#server.expire(this.backend);
  }

  /** Breaks its connection, and refuses it new ones until {@link heal}. */
  cut(): void {
    this.#server.cut(this.backend);
  }

  /** Swallows all that is sent to and by it, without a sign, until {@link heal}. */
  blackHole(): void {
    this.#server.blackHole(this.backend);
  }

  /** Ends its own {@link cut} and {@link blackHole}; a connection that lost a message meanwhile breaks. */
  heal(): void {
    this.#server.heal(this.backend);
  }
}
