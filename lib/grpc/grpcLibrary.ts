import * as installed from '@grpc/grpc-js';
export { connectivityState as ConnectivityState, status as Status } from '@grpc/grpc-js';
import { RegistryError } from '../errors.js';

/** What is needed of `@grpc/grpc-js`. */
export type GrpcLibrary = Pick<typeof installed, 'experimental'>;

type Experimental = GrpcLibrary['experimental'];

/** Makes resolvers for the channels of one copy of `@grpc/grpc-js`. */
export type ResolverConstructor = Parameters<Experimental['registerResolver']>[1];
/** How a channel is told what its target resolves to. */
export type ResolverListener = ConstructorParameters<ResolverConstructor>[1];
/** The target of a channel, split. */
export type GrpcUri = ConstructorParameters<ResolverConstructor>[0];
/** The options of a channel. */
export type ChannelOptions = ConstructorParameters<ResolverConstructor>[2];
/** One that may be called. */
export type Endpoint = Parameters<Experimental['endpointToString']>[0];

/** A policy by which a channel chooses. */
export type LoadBalancer = installed.experimental.LoadBalancer;
/** What a policy tells its channel with. */
export type ChannelControlHelper = installed.experimental.ChannelControlHelper;
/** What a service config says to a policy. */
export type LoadBalancerConfig = installed.experimental.TypedLoadBalancingConfig;
/** Keeps a connection to one endpoint. */
export type Leaf = InstanceType<Experimental['LeafLoadBalancer']>;
/** What became of choosing. */
export const { PickResultType } = installed.experimental;
/** What a call is sent with. */
export type Metadata = installed.Metadata;
/** What is known of a call when it is sent. */
export type PickArguments = installed.experimental.PickArgs;
/** Where a call is sent. */
export type PickResult = installed.experimental.PickResult;

const RESOLVING = [
  'registerResolver',
  'statusOrFromValue',
  'statusOrFromError',
  'isLoadBalancerNameRegistered',
] as const;
const CHOOSING = [
  'registerLoadBalancerType',
  'createChildChannelControlHelper',
  'endpointToString',
  'LeafLoadBalancer',
  'QueuePicker',
  'UnavailablePicker',
] as const;
const NEEDED = [...RESOLVING, ...CHOOSING] as const;

/** The part of `@grpc/grpc-js` that makes policies pluggable. */
export type PolicyApi = Pick<Experimental, (typeof CHOOSING)[number]>;
/** The part of `@grpc/grpc-js` that makes name resolution pluggable, and policies. */
export type ResolverApi = Pick<Experimental, (typeof RESOLVING)[number]> & PolicyApi;

/**
 * Finds what is needed where grpc-js keeps what may change in any minor version.
 *
 * @throws RegistryError with `UNSUPPORTED` if it is not there.
 */
export function resolverApi(library: GrpcLibrary = installed): ResolverApi {
  const experimental = library?.experimental as Partial<Experimental> | undefined;
  const missing = NEEDED.filter((name) => typeof experimental?.[name] !== 'function');
  if (missing.length > 0) {
    throw new RegistryError(
      'UNSUPPORTED',
      `This version of @grpc/grpc-js has no \`experimental.${missing.join('`, `experimental.')}\`: use 1.14 or newer.`,
    );
  }
  return experimental as ResolverApi;
}
