import { asapScheduler, type Observable, subscribeOn, type Subscription } from 'rxjs';
import type { ServiceQuery } from '../dubbo/index.js';
import { debugLog } from '../internal/debug.js';
import { ATTRIBUTE, type Choosing, type PolicyContext } from './channelPolicy.js';
import type { ChannelOptions, Endpoint, ResolverApi, ResolverConstructor, ResolverListener } from './grpcLibrary.js';
import { LiveInstances } from './liveInstances.js';
import type { Resolution } from './resolutions.js';
import { described } from './target.js';

/** The dependencies of a {@link RegistryResolver}. */
export interface ResolverContext {
  readonly api: ResolverApi;
  readonly query: ServiceQuery;
  /** Resolves the query; emits `unknown` if the registry has not answered within `startMs`. */
  readonly resolutions: (startMs: number) => Observable<Resolution>;
  /** How long calls wait for the first set of instances, in milliseconds. */
  readonly startMs: number;
  /** The protocols of instances that speak gRPC, for messages. */
  readonly protocols: string;
  /** The load-balancing policy, where the options of the channel do not name one. */
  readonly loadBalancing: string;
  /** How our own policy picks. */
  readonly choosing: Choosing;
}

type Resolver = InstanceType<ResolverConstructor>;

const UNAVAILABLE = 14;
/** How long a channel that was idle waits for the registry before it uses its last addresses. */
const RETURN_MS = 1_000;
const log = debugLog('grpc');

/** Resolves the target of one channel, from its first call until it is idle or closed. */
export class RegistryResolver implements Resolver {
  readonly #context: ResolverContext;
  readonly #tell: ResolverListener;
  readonly #serviceConfig: Parameters<ResolverListener>[2];
  readonly #name: string;
  readonly #live = new LiveInstances();
  readonly #attributes: Readonly<Record<string, unknown>>;
  #following: Subscription | undefined;
  /** The addresses that the channel was given since it was last idle. */
  #told: readonly Endpoint[] | undefined;
  /** The last known addresses, for a channel that leaves idle during an outage. */
  #last: readonly Endpoint[] = [];
  /** The names of the endpoints that the channel was given last. */
  #names: readonly string[] = [];

  constructor(context: ResolverContext, listener: ResolverListener, options: ChannelOptions) {
    const { api, choosing, loadBalancing, query } = context;
    this.#attributes = { [ATTRIBUTE]: { choosing, live: this.#live } satisfies PolicyContext };
    this.#context = context;
    this.#tell = listener;
    this.#name = described(query);
    const isConfigured = options['grpc.service_config'] !== undefined;
    this.#serviceConfig = isConfigured
      ? null
      : api.statusOrFromValue({ loadBalancingConfig: [{ [loadBalancing]: {} }], methodConfig: [] });
  }

  updateResolution(): void {
    // While it is subscribed, every change arrives by itself.
    if (this.#following) return;
    const { resolutions, startMs } = this.#context;
    // A channel that was resolved before can use its last addresses.
    const waitMs = this.#last.length > 0 ? Math.min(startMs, RETURN_MS) : startMs;
    // grpc-js does not expect the listener to be called within updateResolution().
    this.#following = resolutions(waitMs)
      .pipe(subscribeOn(asapScheduler))
      .subscribe((resolution) => this.#take(resolution));
  }

  destroy(): void {
    this.#following?.unsubscribe();
    this.#following = undefined;
    this.#told = undefined;
  }

  #take(resolution: Resolution): void {
    if (resolution.type === 'known') {
      const { addresses } = resolution;
      const endpoints = addresses.map(({ host, port }) => ({ addresses: [{ host, port }] }));
      const names = endpoints.map((endpoint) => this.#context.api.endpointToString(endpoint));
      this.#live.set(new Map(names.map((name, index) => [name, addresses[index]!])));
      // A new list makes the channel reconnect, so a mere change of weight must not produce one.
      if (this.#told && this.#names.length > 0 && isSame(names, this.#names)) return;
      this.#names = names;
      log('%s is at %d addresses', this.#name, endpoints.length);
      if (endpoints.length > 0) this.#tellEndpoints(endpoints);
      else this.#tellNoInstances(resolution.instances);
      return;
    }
    log('%s is unknown: %s', this.#name, resolution.cause);
    if (this.#told) return;
    if (this.#last.length > 0) this.#tellEndpoints(this.#last);
    else this.#tellError(`Cannot resolve ${this.#name}: ${resolution.cause}`);
  }

  #tellEndpoints(endpoints: readonly Endpoint[]): void {
    this.#told = this.#last = endpoints;
    const { api } = this.#context;
    this.#tell(
      api.statusOrFromValue([...endpoints]),
      { ...this.#attributes },
      this.#serviceConfig,
      `${this.#name} in the registry`,
    );
  }

  #tellNoInstances(instances: number): void {
    const others = instances === 0 ? '' : `: none of ${instances} speaks ${this.#context.protocols}`;
    const text = `No instance of ${this.#name}${others}`;
    // A load balancer keeps its addresses when it gets an error, so it gets the empty list first. One without addresses does not:
    // after an empty list, pick_first fails every call while it connects to the next instance.
    if (this.#told && this.#told.length > 0) {
      this.#tell(
        this.#context.api.statusOrFromValue<Endpoint[]>([]),
        { ...this.#attributes },
        this.#serviceConfig,
        text,
      );
    }
    this.#told = this.#last = [];
    this.#tellError(text);
  }

  #tellError(details: string): void {
    this.#tell(this.#context.api.statusOrFromError({ code: UNAVAILABLE, details }), {}, this.#serviceConfig, details);
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}
