import type { Subscription, TimestampProvider } from 'rxjs';
import type { BalancerFactory, CallMeter } from '../balancers/index.js';
import { Roster } from '../balancers/picker/roster.js';
import { InstanceLedger } from '../instances/index.js';
import {
  type ChannelControlHelper,
  type ChannelOptions,
  ConnectivityState,
  type Endpoint,
  type Leaf,
  type LoadBalancer,
  type LoadBalancerConfig,
  type Metadata,
  type PickArguments,
  type PickResult,
  PickResultType,
  type PolicyApi,
  Status,
} from './grpcLibrary.js';
import type { LiveInstances } from './liveInstances.js';

/** The name of our load-balancing policy in a service config. */
export const POLICY = 'rx_registry';

/** The attribute through which a resolver passes a {@link PolicyContext}; its prefix keeps grpc-js from comparing subchannels by it. */
export const ATTRIBUTE = 'grpc.internal.no_subchannel.rx_registry';

/** The status of a call that has ended. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
}

/** How the policy picks an instance for a call. */
export interface Choosing {
  readonly balancer: BalancerFactory;
  readonly meter: CallMeter;
  readonly trialCalls: number;
  readonly clock: TimestampProvider;
  readonly isFailure: (status: GrpcStatus) => boolean;
  /** The key of a call, for balancers that send calls of one key to one instance. */
  readonly keyOf: ((metadata: Metadata) => string | undefined) | undefined;
}

/** The value of {@link ATTRIBUTE}. */
export interface PolicyContext {
  readonly choosing: Choosing;
  /** The present instances of the channel, by the names of their endpoints. */
  readonly live: LiveInstances;
}

const registered = new WeakSet<PolicyApi>();

/** Registers the policy with a copy of grpc-js, once. */
export function registerPolicy(api: PolicyApi): void {
  if (registered.has(api)) return;
  registered.add(api);
  class Policy extends ChannelBalancer {
    constructor(helper: ChannelControlHelper) {
      super(api, helper);
    }
  }
  api.registerLoadBalancerType(POLICY, Policy, PolicyConfig);
}

/** The policy has no options in a service config: its {@link PolicyContext} comes with the addresses. */
class PolicyConfig implements LoadBalancerConfig {
  static createFromJson(): PolicyConfig {
    return new PolicyConfig();
  }

  getLoadBalancerName(): string {
    return POLICY;
  }

  toJsonObject(): object {
    return { [POLICY]: {} };
  }
}

interface Child {
  readonly leaf: Leaf;
  /** The key of the instance while its connection is ready, else `undefined`. */
  readyAs: string | undefined;
}

/** Keeps a connection to each address of a channel, and lets a balancer pick among those that are ready. */
class ChannelBalancer implements LoadBalancer {
  readonly #api: PolicyApi;
  readonly #helper: ChannelControlHelper;
  readonly #children = new Map<string, Child>();
  readonly #ready = new Map<string, Child>();
  readonly #ledger = new InstanceLedger();
  #context: PolicyContext | undefined;
  #roster: Roster | undefined;
  #following: Subscription | undefined;
  #state: ConnectivityState = ConnectivityState.IDLE;
  #isPaused = false;
  #lastError: string | null = null;

  constructor(api: PolicyApi, helper: ChannelControlHelper) {
    this.#api = api;
    this.#helper = helper;
  }

  updateAddressList(
    endpoints: Parameters<LoadBalancer['updateAddressList']>[0],
    config: LoadBalancerConfig,
    options: ChannelOptions,
    note: string,
  ): boolean {
    const { [ATTRIBUTE]: context, ...channelOptions } = options as ChannelOptions & { [ATTRIBUTE]?: PolicyContext };
    if (config.getLoadBalancerName() !== POLICY) return false;
    if (!endpoints.ok) {
      if (this.#children.size === 0) this.#fail(endpoints.error.details);
      return true;
    }
    if (!context) {
      this.#fail(`${POLICY} is for targets that a registry resolves`);
      return true;
    }
    this.#isPaused = true;
    // A connection may be ready already, from before the channel became idle.
    this.#follow(context);
    this.#keep(endpoints.value, channelOptions, note);
    this.#isPaused = false;
    if (this.#children.size === 0) this.#fail(`No addresses resolved. Resolution note: ${note}`);
    else this.#tell();
    return true;
  }

  exitIdle(): void {
    for (const { leaf } of this.#children.values()) leaf.exitIdle();
  }

  resetBackoff(): void {
    // Each connection has a backoff of its own.
  }

  destroy(): void {
    this.#following?.unsubscribe();
    this.#keep([], {}, '');
    this.#roster?.clear();
  }

  getTypeName(): string {
    return POLICY;
  }

  /** Creates and destroys children so that there is one for each endpoint. */
  #keep(endpoints: readonly Endpoint[], options: ChannelOptions, note: string): void {
    const named = new Map(endpoints.map((endpoint) => [this.#api.endpointToString(endpoint), endpoint]));
    for (const [name, child] of this.#children) {
      if (named.has(name)) continue;
      this.#children.delete(name);
      child.leaf.destroy();
      this.#setReady(child, undefined);
    }
    this.#roster?.update(this.#ledger.set);
    for (const [name, endpoint] of named) {
      if (!this.#children.has(name)) this.#children.set(name, this.#childOf(name, endpoint, options, note));
      this.#children.get(name)!.leaf.startConnecting();
    }
  }

  #childOf(name: string, endpoint: Endpoint, options: ChannelOptions, note: string): Child {
    const helper = this.#api.createChildChannelControlHelper(this.#helper, {
      updateState: (_state, _picker, error) => {
        if (error !== null) this.#lastError = error;
        if (this.#children.get(name) === child) this.#changed(name);
      },
    });
    const child: Child = { leaf: new this.#api.LeafLoadBalancer(endpoint, helper, options, note), readyAs: undefined };
    return child;
  }

  #follow(context: PolicyContext): void {
    if (context === this.#context) return;
    this.#context = context;
    this.#following?.unsubscribe();
    this.#roster?.clear();
    const { balancer, meter, clock, trialCalls } = context.choosing;
    this.#roster = new Roster(balancer, meter, clock, trialCalls);
    const placeAll = (): void => {
      for (const name of this.#children.keys()) this.#place(name);
      this.#roster!.update(this.#ledger.set);
    };
    placeAll();
    this.#following = context.live.changes.subscribe(placeAll);
  }

  #changed(name: string): void {
    const wasReady = this.#state === ConnectivityState.READY;
    this.#place(name);
    this.#roster?.update(this.#ledger.set);
    this.#tell();
    if (wasReady && this.#children.get(name)?.leaf.getConnectivityState() !== ConnectivityState.READY)
      this.#helper.requestReresolution();
  }

  /** Adds the instance to the balancer's set if its connection is ready, else removes it. */
  #place(name: string): void {
    const child = this.#children.get(name)!;
    const isReady = child.leaf.getConnectivityState() === ConnectivityState.READY;
    this.#setReady(child, isReady ? name : undefined);
  }

  #setReady(child: Child, name: string | undefined): void {
    const placed = name === undefined ? undefined : this.#context?.live.at(name);
    const before = child.readyAs;
    if (before !== undefined && before !== placed?.key) {
      this.#ready.delete(before);
      this.#ledger.write([[before, undefined]]);
    }
    child.readyAs = placed?.key;
    if (!placed) return;
    this.#ready.set(placed.key, child);
    this.#ledger.write([[placed.key, placed.instance]]);
  }

  #tell(): void {
    if (this.#isPaused) return;
    const states = new Set([...this.#children.values()].map(({ leaf }) => leaf.getConnectivityState()));
    if (this.#ready.size > 0) this.#update(ConnectivityState.READY, { pick: (args) => this.#pick(args) }, null);
    else if (states.has(ConnectivityState.CONNECTING))
      this.#update(ConnectivityState.CONNECTING, new this.#api.QueuePicker(this), null);
    else if (states.has(ConnectivityState.TRANSIENT_FAILURE))
      this.#fail(`No connection established. Last error: ${this.#lastError}`);
    else this.#update(ConnectivityState.IDLE, new this.#api.QueuePicker(this), null);
    // Connections are kept open without calls, so that the first call need not wait.
    for (const { leaf } of this.#children.values()) {
      if (leaf.getConnectivityState() === ConnectivityState.IDLE) leaf.exitIdle();
    }
  }

  #fail(details: string): void {
    this.#update(ConnectivityState.TRANSIENT_FAILURE, new this.#api.UnavailablePicker({ details }), details);
  }

  #update(
    state: ConnectivityState,
    picker: Parameters<ChannelControlHelper['updateState']>[1],
    error: string | null,
  ): void {
    this.#state = state;
    this.#helper.updateState(state, picker, error);
  }

  #pick(args: PickArguments): PickResult {
    const { choosing } = this.#context!;
    const roster = this.#roster!;
    const member = roster.pick(choosing.keyOf?.(args.metadata));
    const child = member && this.#ready.get(member.key);
    if (!child)
      return {
        pickResultType: PickResultType.QUEUE,
        subchannel: null,
        status: null,
        onCallStarted: null,
        onCallEnded: null,
      };
    const picked = child.leaf.getPicker().pick(args);
    if (picked.pickResultType !== PickResultType.COMPLETE) return picked;
    let call: ReturnType<Roster['begin']> | undefined;
    return {
      ...picked,
      onCallStarted: () => {
        call = roster.begin(member);
        picked.onCallStarted?.();
      },
      onCallEnded: (code, details, metadata) => {
        if (code === Status.CANCELLED) call?.cancel();
        else call?.end(!choosing.isFailure({ code, details }));
        picked.onCallEnded?.(code, details, metadata);
      },
    };
  }
}
