import { createRegistry } from 'rx-registry';
import { registerGrpcResolver } from 'rx-registry/grpc';

export const resolver = registerGrpcResolver(createRegistry('memory://'));
