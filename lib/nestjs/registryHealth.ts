import { firstValueFrom } from 'rxjs';
import type { ConnectionStatus } from '../port/index.js';
import type { Registry } from '../registry.js';
import type { RegistryLifecycle } from './registryLifecycle.js';

/** What {@link RegistryHealth.check} says under its key: what a health indicator of `@nestjs/terminus` returns. */
export interface RegistryHealthResult {
  readonly status: 'up' | 'down';
  readonly connection: ConnectionStatus;
  /** How many services are registered, of how many that are announced. */
  readonly registered: number;
  readonly announced: number;
}

/** Says whether the registry can be reached and the services of the application are registered. */
export class RegistryHealth {
  readonly #registry: Registry;
  readonly #lifecycle: RegistryLifecycle;

  /** @internal */
  constructor(registry: Registry, lifecycle: RegistryLifecycle) {
    this.#registry = registry;
    this.#lifecycle = lifecycle;
  }

  /**
   * The state of this moment; asking connects where nothing has connected yet.
   *
   * `up` is a connection that is `connected`, or `suspended`, when consumers still see our nodes, with no service that the registry has
   * refused. What was last known of others keeps being used in all other states, too: do not restart an application for a `down`.
   *
   * @param key - What the result is called.
   *
   * @example
   * ```ts
   * constructor(private health: HealthCheckService, private registry: RegistryHealth) {}
   * \@Get('health') \@HealthCheck() check() { return this.health.check([() => this.registry.check()]); }
   * ```
   */
  async check(key = 'registry'): Promise<Record<string, RegistryHealthResult>> {
    const connection = await this.#connection();
    const { announcements } = this.#lifecycle;
    const count = (status: string): number => announcements.filter((each) => each.status === status).length;
    const isUp = (connection === 'connected' || connection === 'suspended') && count('failed') === 0;
    return {
      [key]: {
        status: isUp ? 'up' : 'down',
        connection,
        registered: count('registered'),
        announced: announcements.length,
      },
    };
  }

  /** The present state is replayed; one that has ended by an error is of no use any more. */
  #connection(): Promise<ConnectionStatus> {
    return firstValueFrom(this.#registry.states).then(
      ({ status }) => status,
      () => 'closed',
    );
  }
}
