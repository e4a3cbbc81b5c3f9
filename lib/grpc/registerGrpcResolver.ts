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

/** Who knows who is there: a `Registry`. */
export interface InstanceSource {
  /** Who is there as complete sets: the present one, and one more for every change. */
  instances(query: ServiceQuery): Observable<InstanceSet>;
}

/** How {@link registerGrpcResolver} resolves. */
export interface GrpcResolverOptions {
  /** What targets begin with; each registry of a process has one of its own. @defaultValue `registry` */
  readonly scheme?: string | undefined;
  /** The protocols of instances that speak gRPC; others are left out. @defaultValue `['tri', 'grpc']` */
  readonly protocols?: readonly string[] | undefined;
  /**
   * What becomes of the sets of each channel before they are addresses, such as `preferZone('eu-1')`; several go through
   * RxJS's `pipe`.
   *
   * @defaultValue nothing
   */
  readonly through?: MonoTypeOperatorFunction<InstanceSet> | undefined;
  /**
   * The policy by which channels choose among the addresses: `rx_registry`, which goes by `balancer`, or another one by the name
   * that grpc-js has for it, which knows nothing of weights but that 0 is for when there are no others. A channel whose options
   * have a `grpc.service_config` goes by that.
   *
   * @defaultValue `rx_registry`
   */
  readonly loadBalancing?: string | undefined;
  /** What chooses among the instances that a channel is connected to. @defaultValue `smoothWeightedRoundRobin()` */
  readonly balancer?: BalancerFactory | undefined;
  /** What calls are counted with, to close the loop to an operator in `through`. @defaultValue one for the scheme */
  readonly meter?: CallMeter | undefined;
  /** How many calls one that comes gets until they are back: see `balance`. @defaultValue 3 */
  readonly trialCalls?: number | undefined;
  /**
   * Whether a status is the instance's fault. A call that was cancelled tells nothing.
   *
   * @defaultValue UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE and DATA_LOSS are
   */
  readonly isFailure?: ((status: GrpcStatus) => boolean) | undefined;
  /** What a call is about, for balancers that keep calls about one thing together. @defaultValue nothing */
  readonly keyOf?: ((metadata: Metadata) => string | undefined) | undefined;
  /**
   * How long calls wait until the registry has said who is there, in milliseconds. After it they fail with `UNAVAILABLE` until it
   * does.
   *
   * @defaultValue 10000
   */
  readonly startMs?: number | undefined;
  /** The waits after a stream of sets that failed. @defaultValue 100 to 30000 ms */
  readonly retry?: BackoffOptions | undefined;
  /** The copy of `@grpc/grpc-js` that makes the channels, where there are several. @defaultValue the one found from here */
  readonly grpc?: GrpcLibrary | undefined;
  /** Measures all waits. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** A scheme that resolves through a registry, until it is unregistered. */
export interface GrpcResolver extends Disposable {
  /** What targets begin with. */
  readonly scheme: string;
  /**
   * Lets the registry go: channels keep the addresses that they have, and no new channel can be made with the scheme until it
   * is registered again. Once more is the same.
   */
  unregister(): void;
}

/**
 * Makes gRPC channels find their servers through a registry, and follow it.
 *
 * ```text
 *  in the registry            a,b     +c    -a              -b,c
 *  connection                 ---------------s------c-----------
 *  addresses of the channel   a,b     a,b,c b,c             none
 * ```
 *
 * A target is `registry:///com.acme.Greeter`, perhaps with `?group=…&version=…` by the rules of a `ServiceQuery`. Each channel
 * follows from its first call on until it is closed, or idle for half an hour; channels of one target share one watch on the
 * server. An outage changes nothing, and a failure keeps the last addresses; a channel that was idle goes by them too, when the
 * registry says nothing for a second. Nobody there is `UNAVAILABLE`, with a text that says so; calls that wait for ready wait.
 * Instances without port are left out, and an address counts once.
 *
 * With TLS the name that servers must prove is the interface's, unless the channel has a `grpc.ssl_target_name_override` or
 * `grpc.default_authority`.
 *
 * @param registry - Who knows who is there; closing it ends what channels follow.
 * @param options - What targets look like, and which instances they mean.
 * @returns What ends it again.
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
    // The scheme may be another's by now.
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
/** Those that grpc-js, or one of its plug-ins, knows itself. */
const TAKEN: ReadonlySet<string> = new Set(['dns', 'ipv4', 'ipv6', 'unix', 'xds']);

type ContextOf = (query: ServiceQuery) => ResolverContext;

/** What each scheme of a copy of grpc-js stands for now: grpc-js itself cannot forget one. */
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
