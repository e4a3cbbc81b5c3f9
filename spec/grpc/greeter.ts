import {
  type CallOptions,
  type ChannelOptions,
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';

export const SERVICE = 'com.acme.Greeter';

const toBytes = (text: string): Buffer => Buffer.from(text);
const toText = (bytes: Buffer): string => bytes.toString();

const DEFINITION: ServiceDefinition = {
  greet: {
    path: `/${SERVICE}/Greet`,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  },
};

const GreeterClient = makeGenericClientConstructor(DEFINITION, SERVICE);
type Greet = (
  name: string,
  metadata: Metadata,
  options: CallOptions,
  done: (error: ServiceError | null, answer?: string) => void,
) => void;

/** A real gRPC server. */
export interface GreeterServer extends AsyncDisposable {
  readonly port: number;
  /** How many calls it has answered. */
  readonly answered: number;
  /** How many calls are under way. */
  readonly inFlight: number;
  /** Lets calls under way finish; cuts them off when the signal is aborted. */
  close(context: { readonly signal: AbortSignal }): Promise<void>;
}

/** Starts a server that answers with its port after a while, or with a status other than OK. */
export async function startGreeter(
  options: { port?: number; answerMs?: number; statusOf?: () => number } = {},
): Promise<GreeterServer> {
  const { answerMs = 0 } = options;
  const server = new Server();
  let answered = 0;
  let inFlight = 0;
  let port = 0;
  server.addService(DEFINITION, {
    greet: (_: unknown, done: (error: { code: number } | null, answer?: string) => void) => {
      inFlight += 1;
      setTimeout(() => {
        inFlight -= 1;
        answered += 1;
        const code = options.statusOf?.() ?? 0;
        if (code === 0) done(null, `${port}`);
        else done({ code });
      }, answerMs);
    },
  });
  port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    get answered() {
      return answered;
    },
    get inFlight() {
      return inFlight;
    },
    close: ({ signal }) =>
      new Promise((resolve, reject) => {
        const force = (): void => server.forceShutdown();
        server.tryShutdown((error) => (error ? reject(error) : resolve()));
        if (signal.aborted) force();
        else signal.addEventListener('abort', force);
      }),
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** A channel and a stub. */
export interface Greeter extends Disposable {
  /** The port of whoever answers. */
  readonly greet: (options?: CallOptions & { waitForReady?: boolean; user?: string }) => Promise<number>;
  readonly close: () => void;
}

/** Makes a channel to a target. */
export function greeter(target: string, options: ChannelOptions = {}): Greeter {
  const client = new GreeterClient(target, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
    // Back at once, so that specs need not wait.
    'grpc.initial_reconnect_backoff_ms': 50,
    ...options,
  });
  const greet = (client as unknown as { greet: Greet }).greet.bind(client);
  const close = (): void => client.close();
  return {
    greet: ({ waitForReady = false, user, ...call } = {}) =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata({ waitForReady });
        if (user !== undefined) metadata.set('user', user);
        greet('you', metadata, { deadline: Date.now() + 5_000, ...call }, (error, answer) =>
          error ? reject(error) : resolve(Number(answer)),
        );
      }),
    close,
    [Symbol.dispose]: close,
  };
}
