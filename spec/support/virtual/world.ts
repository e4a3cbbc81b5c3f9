import type { BackoffOptions } from '../../../lib/connection/index.js';
import { memory, MemoryServer } from '../../../lib/backends/memory/index.js';
import { nodePath, rootPath, ServiceUrl } from '../../../lib/dubbo/index.js';
import type { Backend } from '../../../lib/port/index.js';
import { type Registry, registryOn, type RegistryOptions, type RegistryWarning } from '../../../lib/registry.js';
import { StatesTrace } from './statesTrace.js';
import { VirtualTime } from './virtualTime.js';

/** The session timeout that everybody in a world asks for. */
export const SESSION_MS = 3_000;
/** The longest wait between two attempts of anybody in a world. */
export const BACKOFF_MS = 500;
/** After the last fault, how long a world may take to agree: an attempt, a handshake and the end of a session. */
export const REST_MS = 2 * BACKOFF_MS + 2 * SESSION_MS;

/** What most providers of the specs are warned of, on purpose: they belong to no application, and live on this machine. */
const OF_SPECS: ReadonlySet<RegistryWarning['code']> = new Set(['NO_APPLICATION', 'LOOPBACK_HOST']);

/** A registry in a world, and what was told of it. */
export interface Inhabitant {
  readonly backend: Backend;
  readonly registry: Registry;
  readonly states: StatesTrace;
  readonly warnings: RegistryWarning[];
  /** The id of its session, or of its last. */
  readonly sessionId: string;
}

/** A server, its clients and their clock. */
export class World {
  readonly time = new VirtualTime();
  readonly server: MemoryServer;

  constructor(options: { readonly latencyMs?: number } = {}) {
    this.server = new MemoryServer({ scheduler: this.time.scheduler, ...options });
  }

  /** A backend that is not connected yet. */
  backend(reconnect: BackoffOptions = {}): Backend {
    const { server } = this;
    return memory({
      server,
      sessionTimeoutMs: SESSION_MS,
      reconnect: { baseMs: 50, maxMs: BACKOFF_MS, random: () => 0.5, ...reconnect },
    });
  }

  /** A registry that connects at once. */
  registry(options: RegistryOptions = {}, backend = this.backend()): Inhabitant {
    const registry = registryOn(backend, {
      retry: { baseMs: 50, maxMs: BACKOFF_MS, random: () => 0.5 },
      ...options,
    });
    const warnings: RegistryWarning[] = [];
    registry.warnings.subscribe((warning) => {
      if (!OF_SPECS.has(warning.code)) warnings.push(warning);
    });
    const states = new StatesTrace(registry.states, this.time.scheduler);
    return {
      backend,
      registry,
      states,
      warnings,
      get sessionId() {
        if (states.sessionId === undefined) throw new Error('there was no session yet');
        return states.sessionId;
      },
    };
  }

  /** A registry that is connected. */
  connected(options: RegistryOptions = {}): Inhabitant {
    const inhabitant = this.registry(options);
    this.time.pass(0);
    return inhabitant;
  }

  /** The names in a directory of a service. */
  providers(service = SERVICE): readonly string[] {
    return this.server.list(`/dubbo/${service}/providers`);
  }
}

/** The service that specs speak of. */
export const SERVICE = 'com.acme.Users';

/** A provider of {@link SERVICE} that says all that would be added to it, so that its node's name is known. */
export function provider(host: string, parameters: Readonly<Record<string, string>> = {}): ServiceUrl {
  return ServiceUrl.from({
    protocol: 'dubbo',
    host,
    port: 20880,
    path: SERVICE,
    parameters: {
      category: 'providers',
      interface: SERVICE,
      pid: '1',
      release: 'spec',
      side: 'provider',
      timestamp: '1700000000000',
      ...parameters,
    },
  });
}

/** The node of a service. */
export function pathOf(url: ServiceUrl): string {
  return nodePath(rootPath(), url);
}
