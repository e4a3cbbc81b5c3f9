import * as installed from '@grpc/grpc-js';
export { connectivityState as ConnectivityState, status as Status } from '@grpc/grpc-js';
import { RegistryError } from '../errors.js';

/** The part of `@grpc/grpc-js` that is used here. */
export type GrpcLibrary = Pick<typeof installed, 'experimental'>;

type Experimental = GrpcLibrary['experimental'];

/** The constructor of a name resolver. */
export type ResolverConstructor = Parameters<Experimental['registerResolver']>[1];
/** Receives what a target resolves to. */
export type ResolverListener = ConstructorParameters<ResolverConstructor>[1];
/** The parsed target of a channel. */
export type GrpcUri = ConstructorParameters<ResolverConstructor>[0];
/** The options of a channel. */
export type ChannelOptions = ConstructorParameters<ResolverConstructor>[2];
/** One server, with its addresses. */
export type Endpoint = Parameters<Experimental['endpointToString']>[0];

/** A load-balancing policy of a channel. */
export type LoadBalancer = installed.experimental.LoadBalancer;
/** Through which a policy reports its state to the channel. */
export type ChannelControlHelper = installed.experimental.ChannelControlHelper;
/** The options of a policy in a service config. */
export type LoadBalancerConfig = installed.experimental.TypedLoadBalancingConfig;
/** Keeps a connection to one endpoint. */
export type Leaf = InstanceType<Experimental['LeafLoadBalancer']>;
/** The kinds of {@link PickResult}. */
export const { PickResultType } = installed.experimental;
/** The metadata of a call. */
export type Metadata = installed.Metadata;
/** What a picker is given for a call. */
export type PickArguments = installed.experimental.PickArgs;
/** The result of a pick. */
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

/** The part of `@grpc/grpc-js` that registers policies. */
export type PolicyApi = Pick<Experimental, (typeof CHOOSING)[number]>;
/** The part of `@grpc/grpc-js` that registers resolvers and policies. */
export type ResolverApi = Pick<Experimental, (typeof RESOLVING)[number]> & PolicyApi;

/**
 * Returns the experimental API of grpc-js, which may change in any minor version.
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
