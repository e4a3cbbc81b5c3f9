import {
  asyncScheduler,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  ReplaySubject,
  type SchedulerLike,
  takeWhile,
} from 'rxjs';
import { type BalancerFactory, CallMeter, smoothWeightedRoundRobin } from '../balancers/index.js';
import { checkBalancer } from '../balancers/makeBalancer.js';
import { type BackoffOptions, fullJitter } from '../connection/index.js';
import type { ServiceQuery } from '../dubbo/index.js';
import { RegistryError } from '../errors.js';
import type { InstanceSet } from '../instances/index.js';
import { clockOf } from '../internal/clock.js';
import { checked, count, milliseconds, optionalFunction, optionsObject, withDefaults } from '../internal/options.js';
import { type Choosing, type GrpcStatus, POLICY, registerPolicy } from './channelPolicy.js';
import {
  type ChannelOptions,
  type GrpcLibrary,
  type GrpcUri,
  type Metadata,
  resolverApi,
  type ResolverApi,
  type ResolverListener,
  Status,
} from './grpcLibrary.js';
import { RegistryResolver, type ResolverContext } from './registryResolver.js';
import { type Resolution, resolutions, type ResolutionOptions } from './resolutions.js';
import { queryOf } from './target.js';

/** The part of a `Registry` that the resolver uses. */
export interface InstanceSource {
  /** Emits the present set of instances, and a new set for every change. */
  instances(query: ServiceQuery): Observable<InstanceSet>;
}

/** Options of {@link registerGrpcResolver}. */
export interface GrpcResolverOptions {
  /** The scheme of targets; each registry of a process needs its own. @defaultValue `registry` */
  readonly scheme?: string | undefined;
  /** The protocols of instances that speak gRPC; others are left out. @defaultValue `['tri', 'grpc']` */
  readonly protocols?: readonly string[] | undefined;
  /**
   * An operator that the sets of each channel go through, such as `preferZone('eu-1')`. Combine several with RxJS's `pipe`.
   *
   * @defaultValue the sets are used as they are
   */
  readonly through?: MonoTypeOperatorFunction<InstanceSet> | undefined;
  /**
   * The load-balancing policy of channels: `rx_registry`, which uses `balancer`, or the name of another policy of grpc-js. Others
   * ignore weights, except that instances of weight 0 are left out while there are others. The option `grpc.service_config` of a
   * channel takes precedence.
   *
   * @defaultValue `rx_registry`
   */
  readonly loadBalancing?: string | undefined;
  /** The balancer that picks among the instances that a channel is connected to. @defaultValue `smoothWeightedRoundRobin()` */
  readonly balancer?: BalancerFactory | undefined;
  /** Counts the calls and their outcomes; share it with an operator in `through` that needs them. @defaultValue one for the scheme */
  readonly meter?: CallMeter | undefined;
  /** How many calls a new instance gets before the first of them has ended: see `balance`. @defaultValue 3 */
  readonly trialCalls?: number | undefined;
  /**
   * Whether a status counts as a failure of the instance. Cancelled calls are not counted.
   *
   * @defaultValue true for UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE and DATA_LOSS
   */
  readonly isFailure?: ((status: GrpcStatus) => boolean) | undefined;
  /** The key of a call, for balancers that send calls of one key to one instance. @defaultValue calls have no key */
  readonly keyOf?: ((metadata: Metadata) => string | undefined) | undefined;
  /**
   * How long calls wait for the first set of instances, in milliseconds. After that they fail with `UNAVAILABLE` until it arrives.
   *
   * @defaultValue 10000
   */
  readonly startMs?: number | undefined;
  /** The backoff before a stream of sets that failed is subscribed to again. @defaultValue 100 to 30000 ms */
  readonly retry?: BackoffOptions | undefined;
  /** The copy of `@grpc/grpc-js` that makes the channels, where a process has several. @defaultValue the one that this package resolves */
  readonly grpc?: GrpcLibrary | undefined;
  /** Measures all waits. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** A scheme that resolves through a registry, until it is unregistered. */
export interface GrpcResolver extends Disposable {
  /** The scheme of targets. */
  readonly scheme: string;
  /**
   * Ends resolution through the registry: existing channels keep their addresses, and new channels with the scheme throw until it
   * is registered again. Further calls do nothing.
   */
  unregister(): void;
}

/**
 * Registers a gRPC name resolver that resolves targets through a registry, and keeps channels up to date.
 *
 * ```text
 *  in the registry            a,b     +c    -a              -b,c
 *  connection                 ---------------s------c-----------
 *  addresses of the channel   a,b     a,b,c b,c             none
 * ```
 *
 * A target is `registry:///com.acme.Greeter`, optionally with `?group=…&version=…` by the rules of a `ServiceQuery`. A channel
 * subscribes at its first call, and unsubscribes when it is closed or has been idle for half an hour. Channels of one target share
 * one watch on the server.
 *
 * During an outage or after a failure, a channel keeps its last addresses; a channel that was idle uses them when the registry does
 * not answer within a second. Without instances, calls fail with `UNAVAILABLE` and a message that says so; calls with
 * `waitForReady` wait. Instances without a port are left out, and each address is used once.
 *
 * With TLS the name that servers must prove is the interface's, unless the channel has a `grpc.ssl_target_name_override` or
 * `grpc.default_authority`.
 *
 * @param registry - The registry to resolve through; after it is closed, channels keep their last addresses.
 * @param options - The scheme of targets, and how channels choose.
 * @returns The resolver, to unregister it.
 * @throws InvalidOptionError if an option is out of range, or the scheme is taken; RegistryError with `UNSUPPORTED` if the
 * installed version of `@grpc/grpc-js` has no resolvers. A channel whose target cannot be read throws `InvalidUrlError`
 * when it is made.
 *
 * @example
 * ```ts
 * registerGrpcResolver(registry);
 * const greeter = new GreeterClient('registry:///com.acme.Greeter?version=1.0.0', credentials.createInsecure());
 * ```
 */
export function registerGrpcResolver(registry: InstanceSource, options: GrpcResolverOptions = {}): GrpcResolver {
  const { scheme = 'registry', protocols = ['tri', 'grpc'], loadBalancing = POLICY } = optionsObject(options);
  const { startMs = 10_000, through = (sets) => sets, grpc } = options;
  const api = resolverApi(grpc);
  registerPolicy(api);
  checked('registry', registry, 'a registry', typeof registry?.instances === 'function');
  checked('scheme', scheme, 'a scheme such as registry', typeof scheme === 'string' && SCHEME.test(scheme));
  checked('scheme', scheme, 'a scheme that is not taken', !TAKEN.has(scheme) && !schemesOf(api).has(scheme));
  checked('protocols', protocols, 'names of protocols, one at least', Array.isArray(protocols) && protocols.length > 0);
  checked('through', through, 'an operator', typeof through === 'function');
  checked('loadBalancing', loadBalancing, 'a policy that grpc-js has', api.isLoadBalancerNameRegistered(loadBalancing));
  milliseconds('startMs', startMs);
  const choosing = choosingOf(options, loadBalancing);
  const how: Omit<ResolutionOptions, 'startMs'> = {
    protocols: new Set(protocols),
    backoff: fullJitter(withDefaults({ maxMs: 30_000 }, options.retry)),
    scheduler: options.scheduler,
  };
  const unregistered = new ReplaySubject<Resolution>(1);
  const contextOf: ContextOf = (query) => ({
    api,
    query,
    resolutions: (waitMs) =>
      merge(unregistered, resolutions(registry.instances(query).pipe(through), { ...how, startMs: waitMs })).pipe(
        takeWhile((resolution) => resolution !== UNREGISTERED, true),
      ),
    startMs,
    protocols: protocols.join(' or '),
    loadBalancing,
    choosing,
  });
  const schemes = schemesOf(api).set(scheme, contextOf);
  api.registerResolver(scheme, resolverClass(api));
  const unregister = (): void => {
    // The scheme may have been registered again since.
    if (schemes.get(scheme) === contextOf) schemes.delete(scheme);
    unregistered.next(UNREGISTERED);
  };
  return { scheme, unregister, [Symbol.dispose]: unregister };
}

const FAILURES: ReadonlySet<number> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.RESOURCE_EXHAUSTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

function choosingOf(options: GrpcResolverOptions, loadBalancing: string): Choosing {
  const { balancer = smoothWeightedRoundRobin(), scheduler = asyncScheduler, meter } = options;
  checkBalancer(balancer);
  const isOurs = options.balancer === undefined || loadBalancing === POLICY;
  checked('balancer', options.balancer, `none with the policy ${loadBalancing}, which has its own`, isOurs);
  checked('meter', meter, 'a CallMeter', meter === undefined || meter instanceof CallMeter);
  return {
    balancer,
    meter: meter ?? new CallMeter({ scheduler }),
    trialCalls: count('trialCalls', options.trialCalls, 3),
    clock: clockOf(scheduler),
    isFailure: optionalFunction('isFailure', options.isFailure) ?? (({ code }) => FAILURES.has(code)),
    keyOf: optionalFunction('keyOf', options.keyOf),
  };
}

const UNREGISTERED: Resolution = { type: 'unknown', cause: 'the resolver was unregistered' };
const SCHEME = /^[a-z][a-z0-9+.-]*$/;
/** The schemes of grpc-js and its plug-ins. */
const TAKEN: ReadonlySet<string> = new Set(['dns', 'ipv4', 'ipv6', 'unix', 'xds']);

type ContextOf = (query: ServiceQuery) => ResolverContext;

/** The registries behind the schemes, by the copy of grpc-js: grpc-js itself cannot unregister a scheme. */
const schemesByApi = new WeakMap<ResolverApi, Map<string, ContextOf>>();

function schemesOf(api: ResolverApi): Map<string, ContextOf> {
  const schemes = schemesByApi.get(api) ?? new Map<string, ContextOf>();
  schemesByApi.set(api, schemes);
  return schemes;
}

function resolverClass(api: ResolverApi): Parameters<ResolverApi['registerResolver']>[1] {
  const contextOf = (target: GrpcUri): ResolverContext => {
    const { scheme = '' } = target;
    const context = schemesOf(api).get(scheme);
    if (!context) throw new RegistryError('CLOSED', `The resolver of ${scheme}: targets was unregistered.`);
    return context(queryOf(target));
  };
  return class extends RegistryResolver {
    constructor(target: GrpcUri, listener: ResolverListener, options: ChannelOptions) {
      super(contextOf(target), listener, options);
    }

    static getDefaultAuthority(target: GrpcUri): string {
      return encodeURIComponent(contextOf(target).query.interface);
    }
  };
}
