export type { GrpcStatus } from './channelPolicy.js';
export type { GrpcLibrary, Metadata } from './grpcLibrary.js';
export {
  type GrpcResolver,
  type GrpcResolverOptions,
  type InstanceSource,
  registerGrpcResolver,
} from './registerGrpcResolver.js';
