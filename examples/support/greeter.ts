import {
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from '@grpc/grpc-js';

// Written by hand, so that no file needs to be generated; yours comes from your .proto files.
const definition = (service: string): ServiceDefinition => ({
  greet: {
    path: `/${service}/Greet`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (name: string) => Buffer.from(name),
    requestDeserialize: (bytes) => bytes.toString(),
    responseSerialize: (greeting: string) => Buffer.from(greeting),
    responseDeserialize: (bytes) => bytes.toString(),
  },
});

type Done = (error: Error | null, greeting?: string) => void;

/** A gRPC server that greets. */
export interface GreeterServer {
  readonly port: number;
  /** Lets calls under way finish; cuts them off when the signal is aborted. */
  readonly close: (context: { readonly signal: AbortSignal }) => Promise<void>;
}

/** Starts a server on a free port. */
export async function startGreeter(service: string, name: string): Promise<GreeterServer> {
  const server = new Server();
  server.addService(definition(service), {
    greet: ({ request }: { request: string }, done: Done) => {
      setTimeout(() => done(null, `${name} greets ${request}`), 20);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    close: ({ signal }) =>
      new Promise((resolve, reject) => {
        server.tryShutdown((error) => (error ? reject(error) : resolve()));
        signal.addEventListener('abort', () => server.forceShutdown());
        if (signal.aborted) server.forceShutdown();
      }),
  };
}

/** A client of a greeter: a channel, and a stub on it. */
export interface GreeterClient {
  readonly greet: (name: string) => Promise<string>;
  readonly close: () => void;
}

/** Makes a channel to whatever a target stands for. */
export function greeterClient(service: string, target: string): GreeterClient {
  const Client = makeGenericClientConstructor(definition(service), service);
  const client = new Client(target, credentials.createInsecure());
  const stub = client as unknown as { greet(name: string, options: { deadline: number }, done: Done): void };
  return {
    greet: (name) =>
      new Promise((resolve, reject) => {
        stub.greet(name, { deadline: Date.now() + 5_000 }, (error, greeting) =>
          error ? reject(error) : resolve(greeting!),
        );
      }),
    close: () => client.close(),
  };
}
