import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { freePort } from '../../../support/servers/freePort.js';

/** One call that goes through a {@link GrpcRelay}. */
export interface RelayedCall {
  /** Its method alone: `Txn`, `Watch`. */
  readonly method: string;
  /** What it carries beside its messages. */
  readonly metadata: IncomingHttpHeaders;
  /** The connection that carries it, counted from 1. */
  readonly connection: number;
  /** The messages that were sent to the server. */
  readonly requests: Buffer[];
}

/**
 * What becomes of a message of the server's: it is passed on; lost; held, with all that comes after it in the same call,
 * until {@link GrpcRelay.release}; or the connection breaks instead.
 */
export type Verdict = 'pass' | 'lose' | 'hold' | 'break';

/** An error that is answered in the server's place. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** A connection of the client's, and the one that goes with it to the server. */
interface Link {
  readonly down: Socket;
  readonly up: ClientHttp2Session;
  readonly number: number;
}

/** Passes calls on to an etcd server, and knows one from another: what a proxy of bytes cannot do. */
export class GrpcRelay implements AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** All calls there were. */
  readonly calls: RelayedCall[] = [];
  /** Judges each message of the server's. */
  onAnswer: ((message: Buffer, call: RelayedCall) => Verdict) | undefined;
  /** Loses the messages of the client's for which it says so. */
  losesRequest: ((message: Buffer, call: RelayedCall) => boolean) | undefined;
  /** May refuse a call before the server hears of it. */
  onCall: ((call: RelayedCall) => Refusal | undefined) | undefined;
  /** The most calls of one method that were open at the same time. */
  readonly mostOpen = new Map<string, number>();
  readonly #open = new Map<string, number>();
  readonly #target: string;
  readonly #server: Http2Server = createServer();
  readonly #sessions = new Map<ServerHttp2Session, Link>();
  readonly #held = new Set<Answers>();
  #connections = 0;

  constructor(port: number, target: string) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#target = target;
    let socket: Socket;
    this.#server.prependListener('connection', (accepted: Socket) => (socket = accepted));
    this.#server.on('session', (session) => this.#accept(session, socket));
    this.#server.on('stream', (stream, headers) => this.#relay(stream, headers));
  }

  /** How many connections there have been. */
  get connections(): number {
    return this.#connections;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Breaks all connections; new ones pass. */
  break(): void {
    // Without a word of HTTP/2: a farewell that crosses a request has Node.js 20 spin for ever.
    for (const { down } of this.#sessions.values()) down.resetAndDestroy();
  }

  /** Passes on what was held, without asking again. */
  release(): void {
    for (const answers of this.#held) answers.release();
    this.#held.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.break();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(session: ServerHttp2Session, down: Socket): void {
    const up = connect(this.#target);
    this.#sessions.set(session, { down, up, number: (this.#connections += 1) });
    session.on('error', () => undefined);
    up.on('error', () => undefined);
    session.once('close', () => {
      this.#sessions.delete(session);
      up.destroy();
    });
    up.once('close', () => down.resetAndDestroy());
  }

  #relay(down: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const session = down.session as ServerHttp2Session | undefined;
    const link = session && this.#sessions.get(session);
    if (!link) return void down.destroy();
    const method = (headers[':path'] ?? '').split('/').at(-1)!;
    const call: RelayedCall = { method, metadata: headers, connection: link.number, requests: [] };
    this.calls.push(call);
    down.on('error', () => undefined);
    const refusal = this.onCall?.(call);
    if (refusal) return refuse(down, refusal);
    this.#count(method, 1);
    down.once('close', () => this.#count(method, -1));

    const up = link.up.request(headers);
    up.on('error', () => undefined);
    const requests = new Messages((message, framed) => {
      call.requests.push(message);
      if (!this.losesRequest?.(message, call)) up.write(framed);
    });
    down.on('data', (chunk: Buffer) => requests.take(chunk));
    down.once('end', () => up.end());
    down.once('close', () => up.close(constants.NGHTTP2_CANCEL));

    const answers = new Answers();
    const messages = new Messages((message, framed) => {
      const verdict = this.onAnswer?.(message, call) ?? 'pass';
      if (verdict === 'lose') return;
      if (verdict === 'break') return void link.down.resetAndDestroy();
      if (verdict === 'hold') {
        answers.hold();
        this.#held.add(answers);
      }
      answers.add(() => void down.write(framed));
    });
    let trailers: IncomingHttpHeaders = {};
    down.once('wantTrailers', () => down.sendTrailers(trailers));
    up.once('response', (response, flags) => {
      const isAll = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      answers.add(() => {
        if (!down.destroyed) down.respond(response, isAll ? { endStream: true } : { waitForTrailers: true });
      });
    });
    up.on('data', (chunk: Buffer) => messages.take(chunk));
    up.once('trailers', (last: IncomingHttpHeaders) => void (trailers = last));
    up.once('end', () => answers.add(() => void down.end()));
  }

  #count(method: string, change: number): void {
    const open = (this.#open.get(method) ?? 0) + change;
    this.#open.set(method, open);
    this.mostOpen.set(method, Math.max(open, this.mostOpen.get(method) ?? 0));
  }
}

/** Starts a relay to a server on a port of 127.0.0.1. */
export async function startGrpcRelay(target: { readonly port: number }): Promise<GrpcRelay> {
  const relay = new GrpcRelay(await freePort(), `http://127.0.0.1:${target.port}`);
  await relay.listen();
  return relay;
}

/** What is on its way to the client, in order. */
class Answers {
  #waiting: (() => void)[] | undefined;

  hold(): void {
    this.#waiting ??= [];
  }

  add(step: () => void): void {
    if (this.#waiting) this.#waiting.push(step);
    else step();
  }

  release(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const step of waiting) step();
  }
}

/** Finds the messages in what streams by: one byte, the length in four, the message. */
class Messages {
  readonly #take: (message: Buffer, framed: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(take: (message: Buffer, framed: Buffer) => void) {
    this.#take = take;
  }

  take(chunk: Buffer): void {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) return;
      const framed = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      this.#take(framed.subarray(5), framed);
    }
  }
}

function refuse(down: ServerHttp2Stream, { code, message }: Refusal): void {
  down.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': encodeURIComponent(message),
    },
    { endStream: true },
  );
}
