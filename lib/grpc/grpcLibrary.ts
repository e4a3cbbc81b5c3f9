import * as installed from '@grpc/grpc-js';
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

/** The part of `@grpc/grpc-js` that makes name resolution pluggable. */
export type ResolverApi = Pick<
  Experimental,
  'registerResolver' | 'statusOrFromValue' | 'statusOrFromError' | 'isLoadBalancerNameRegistered'
>;

const NEEDED: readonly (keyof ResolverApi)[] = [
  'registerResolver',
  'statusOrFromValue',
  'statusOrFromError',
  'isLoadBalancerNameRegistered',
];

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
