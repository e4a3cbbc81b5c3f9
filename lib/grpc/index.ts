export type { GrpcLibrary } from './grpcLibrary.js';
export {
  type GrpcResolver,
  type GrpcResolverOptions,
  type InstanceSource,
  registerGrpcResolver,
} from './registerGrpcResolver.js';
