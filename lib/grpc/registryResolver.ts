import { asapScheduler, type Observable, subscribeOn, type Subscription } from 'rxjs';
import type { ServiceQuery } from '../dubbo/index.js';
import { debugLog } from '../internal/debug.js';
import { ATTRIBUTE, type Choosing, type PolicyContext } from './channelPolicy.js';
import type { ChannelOptions, Endpoint, ResolverApi, ResolverConstructor, ResolverListener } from './grpcLibrary.js';
import { LiveInstances } from './liveInstances.js';
import type { Resolution } from './resolutions.js';
import { described } from './target.js';

/** What the resolver of a channel works with. */
export interface ResolverContext {
  readonly api: ResolverApi;
  readonly query: ServiceQuery;
  /** What the query resolves to; `startMs` is how long the registry has for its first word. */
  readonly resolutions: (startMs: number) => Observable<Resolution>;
  /** How long calls wait for the registry's first word, in milliseconds. */
  readonly startMs: number;
  /** The protocols of instances that speak gRPC, in words. */
  readonly protocols: string;
  /** The policy that the channel shall choose by, where its options do not say. */
  readonly loadBalancing: string;
  /** How our policy chooses. */
  readonly choosing: Choosing;
}

type Resolver = InstanceType<ResolverConstructor>;

const UNAVAILABLE = 14;
/** How long a channel that wakes up waits for the registry before it goes by the last addresses that it knew. */
const RETURN_MS = 1_000;
const log = debugLog('grpc');

/** Tells one channel what its target resolves to, from its first call on until it is idle or closed. */
export class RegistryResolver implements Resolver {
  readonly #context: ResolverContext;
  readonly #tell: ResolverListener;
  readonly #serviceConfig: Parameters<ResolverListener>[2];
  readonly #name: string;
  readonly #live = new LiveInstances();
  readonly #attributes: Readonly<Record<string, unknown>>;
  #following: Subscription | undefined;
  /** What the channel goes by since it woke up. */
  #told: readonly Endpoint[] | undefined;
  /** The last addresses there were, for a channel that wakes up while the registry is away. */
  #last: readonly Endpoint[] = [];
  /** The names of the endpoints that it was told last. */
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
    // Who follows needs not be asked to look again.
    if (this.#following) return;
    const { resolutions, startMs } = this.#context;
    // Who has been here before has something to go by meanwhile.
    const waitMs = this.#last.length > 0 ? Math.min(startMs, RETURN_MS) : startMs;
    // grpc-js wants to be told later, never inside its own call.
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
      // A channel that is told connects anew, and needs not know that a weight has changed.
      if (this.#told && this.#names.length > 0 && isSame(names, this.#names)) return;
      this.#names = names;
      log('%s is at %d addresses', this.#name, endpoints.length);
      if (endpoints.length > 0) this.#tellEndpoints(endpoints);
      else this.#tellNobody(resolution.instances);
      return;
    }
    log('%s is unknown: %s', this.#name, resolution.cause);
    if (this.#told) return;
    if (this.#last.length > 0) this.#tellEndpoints(this.#last);
    else this.#tellError(`It is not known who provides ${this.#name}: ${resolution.cause}`);
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

  #tellNobody(instances: number): void {
    const others = instances === 0 ? '' : `; of ${instances} there, none speaks ${this.#context.protocols}`;
    const text = `Nobody provides ${this.#name}${others}`;
    // A load balancer keeps what it has when it is told of an error, so it is told of the empty set first. One that has
    // nothing is not: pick_first would fail every call while it connects to the next one who comes.
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
