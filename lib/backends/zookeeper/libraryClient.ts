import nodeZooKeeper from 'node-zookeeper-client';
import type { Client, Transaction } from 'node-zookeeper-client';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { RegistryError } from '../../errors.js';
import { handshakeHint } from '../shared/handshakeHint.js';
import type { TlsCredentials } from '../shared/tls.js';
import { REQUIRES_AUTH, toRegistryError, ZK } from './errors.js';
import { join } from './addressesInTurn.js';
import { DEFAULT_MAX_PACKET_BYTES, PacketFramer } from './packetFramer.js';
import { encodeRequest, OFFSET, OPCODE } from './wire.js';

// The only file that relies on what node-zookeeper-client does not document. One client object is used for one transport
// connection only: what it keeps over a disconnect (half a packet, watches to set again, calls to send again) is what makes
// it unsafe, so it never gets to reconnect.

/** The codes that the library can make an error of; it throws in its socket handler for any other. */
const CODES_OF_LIBRARY: ReadonlySet<number> = new Set([
  0, -1, -2, -3, -4, -5, -6, -7, -8, -100, -101, -102, -103, -108, -110, -111, -112, -113, -114, -115,
]);

/** States of its connection manager (source: its `ConnectionManager.js`). */
const STATE = { DISCONNECTED: 0, CONNECTING: 1, CONNECTED: 2, CLOSING: -1, EXPIRED: -3, AUTH_FAILED: -4 } as const;

/** What of a `Client` is used though it is not documented. */
interface Internals {
  /** Handed to `net.connect`. */
  servers: { host: string; port: number; lookup?: LookupFunction }[];
  state: number;
  socket?: Socket;
  connectTimeoutHandler: NodeJS.Timeout | null;
  zxid: Buffer;
  packetQueue: unknown;
  /** Requests that are sent and not answered, in order. */
  pendingQueue: readonly { readonly request: { readonly header: { readonly xid: number; readonly type: number } } }[];
  watcherManager: { emit(event: WatchEvent): void };
  connect(): void;
  queue(request: RawRequest, callback: (error: unknown, response?: RawAnswer) => void): void;
  setState(state: number): void;
  getSessionId(): Buffer;
  getSessionPassword(): Buffer;
  getSessionTimeout(): number;
  onSocketConnected(): void;
  onSocketData(chunk: Buffer): void;
  onSocketDrain(): void;
  onSocketClosed(hadError: boolean): void;
  onSocketError(error: Error): void;
  registerDataWatcher(): void;
  registerChildWatcher(): void;
  registerExistenceWatcher(): void;
  on(event: 'state', listener: (state: number) => void): void;
}

/** A request of which the library knows no more than that it is one. */
interface RawRequest {
  readonly header: { type: number; xid: number };
  readonly payload: null;
  toBuffer(): Buffer;
}

/** The answer to a request, as far as it is used. */
export interface RawAnswer {
  readonly payload: { readonly results: readonly { readonly err?: number }[] };
}

/** What the server says when a watch fires. */
export interface WatchEvent {
  readonly type: number;
  readonly path: string;
}

/** How a connection is encrypted. */
export interface Encryption extends TlsCredentials {
  /** The name that the server's certificate must have. @defaultValue the host that is connected to */
  readonly serverName?: string | undefined;
}

/** How a connection is opened. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** Resolves the host. @defaultValue that of Node.js */
  readonly lookup?: LookupFunction;
  /** @defaultValue not encrypted */
  readonly tls?: Encryption;
  readonly sessionTimeoutMs: number;
  /** The session to carry on. */
  readonly resume?: { readonly id: Buffer; readonly password: Buffer };
  /** The last transaction that was seen: a server that has not got so far yet refuses us. */
  readonly seenZxid?: Buffer;
  /** How long a packet of the server may be. @defaultValue {@link DEFAULT_MAX_PACKET_BYTES} */
  readonly maxPacketBytes?: number;
  readonly auth: readonly { readonly scheme: string; readonly credentials: string }[];
}

/** What a connection tells; called from inside the library. */
export interface ConnectionListener {
  /** The server has accepted the session. */
  connected(): void;
  /** The connection could not be made, or broke; told once. */
  failed(error: RegistryError): void;
  /** A watch fired. */
  notified(event: WatchEvent): void;
}

/** The server closed the connection instead of answering the handshake, as it does if it is behind what we have seen. */
export class RefusedError extends RegistryError {
  /** The server's address, as `address:port`; `undefined` if the connection was closed before that could be known. */
  readonly address: string | undefined;

  constructor(message: string, address?: string) {
    super('CONNECTION_LOST', message);
    this.address = address;
  }
}

/** One client of node-zookeeper-client for one transport connection, with its faults mended; connects when it is made. */
export class LibraryClient {
  /** The documented client, for single operations. */
  readonly api: Client;
  readonly #internals: Internals;
  readonly #listener: ConnectionListener;
  readonly #maxPacketBytes: number;
  readonly #framer: PacketFramer;
  readonly #readPacket: (packet: Buffer) => void;
  #seenZxid = 0n;
  #address: string | undefined;
  #connected = false;
  #stopped = false;
  #lastError: Error | undefined;
  /** The code in the answer being read, if the library does not know it. */
  #unknownCode: number | undefined;
  /** The packet being read. */
  #packet: Buffer | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#listener = listener;
    const { host, port, lookup, sessionTimeoutMs, resume } = options;
    this.#maxPacketBytes = options.maxPacketBytes ?? DEFAULT_MAX_PACKET_BYTES;
    this.#framer = new PacketFramer(this.#maxPacketBytes, (header, bytes) => this.#failTooLong(header, bytes));
    // The address is set below, because the library cannot read one of IPv6.
    this.api = nodeZooKeeper.createClient('localhost:2181', {
      sessionTimeout: sessionTimeoutMs,
      // A lost answer is ours to resolve: trying again makes a second node of a sequential one.
      retries: 0,
      ...(resume && { sessionId: resume.id, sessionPassword: resume.password }),
    });
    const internals = (this.#internals = internalsOf(this.api));
    internals.servers = [{ host, port, ...(lookup && { lookup }) }];
    if (options.seenZxid) {
      internals.zxid = options.seenZxid;
      this.#seenZxid = options.seenZxid.readBigInt64BE();
    }
    for (const { scheme, credentials } of options.auth) this.api.addAuthInfo(scheme, Buffer.from(credentials));

    this.#readPacket = internals.onSocketData.bind(internals);
    const noteError = internals.onSocketError.bind(internals);
    const connect = internals.connect.bind(internals);
    internals.onSocketData = (chunk) => this.#read(chunk);
    internals.onSocketError = (error) => {
      this.#lastError = error;
      noteError(error);
    };
    // Watches are kept by us: the library would set all of them again in one packet, too large for the server to take.
    internals.registerDataWatcher =
      internals.registerChildWatcher =
      internals.registerExistenceWatcher =
        () => undefined;
    internals.watcherManager.emit = (event) => listener.notified(event);
    internals.on('state', (state) => this.#onState(state, options));
    const queue = internals.queue.bind(internals);
    internals.queue = (request, callback) => {
      try {
        queue(request, callback);
      } catch (error) {
        // What cannot be encoded is waited for as if it had been sent: the next answer would be taken for its answer.
        this.#break(error);
        throw error;
      }
    };
    const noteConnection = internals.onSocketConnected.bind(internals);
    internals.onSocketConnected = () => {
      const { remoteAddress, remotePort } = internals.socket!;
      if (remoteAddress !== undefined && remotePort !== undefined) this.#address = join(remoteAddress, remotePort);
      noteConnection();
    };
    if (options.tls) this.#connectEncrypted(options, options.tls);
    else connect();
    // A new connection is a new client.
    internals.connect = () => undefined;
  }

  /** The address that the connection was made to, as `address:port`; `undefined` before that. */
  get address(): string | undefined {
    return this.#address;
  }

  get sessionId(): Buffer {
    return this.#internals.getSessionId();
  }

  get sessionPassword(): Buffer {
    return this.#internals.getSessionPassword();
  }

  /** The session timeout that the server granted, in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.#internals.getSessionTimeout();
  }

  /** The last transaction that this connection has seen. */
  get seenZxid(): Buffer {
    const zxid = Buffer.alloc(8);
    zxid.writeBigInt64BE(this.#seenZxid);
    return zxid;
  }

  /** The transaction of the answer that is being read. */
  get answeredZxid(): bigint {
    return this.#internals.zxid.readBigInt64BE();
  }

  /** The bytes that went over the connection so far, either way. */
  get bytes(): number {
    const { socket } = this.#internals;
    return socket ? socket.bytesRead + socket.bytesWritten - socket.writableLength : 0;
  }

  /** What follows the header of the answer that is being read. */
  get answerBody(): Buffer {
    return this.#packet!.subarray(OFFSET.HEADER);
  }

  /** The error code of the answer that is being read, of which the library made `error`. */
  codeOf(error: unknown): number {
    return error ? (this.#unknownCode ?? (error as { code?: number }).code ?? ZK.SYSTEM_ERROR) : ZK.OK;
  }

  /**
   * Sends an operation that the library does not have.
   *
   * `readAs` is an operation of the library with an answer of the same form: for an unknown one it destroys its socket.
   */
  send(
    opcode: (typeof OPCODE)[keyof typeof OPCODE],
    readAs: number,
    body: Buffer,
    callback: (error: unknown, answer?: RawAnswer) => void,
  ): void {
    const header = { type: readAs, xid: 0 };
    // The library sets the xid when it sends.
    this.#internals.queue({ header, payload: null, toBuffer: () => encodeRequest(header.xid, opcode, body) }, callback);
  }

  /** A transaction that begins with a removal, if the node still has that data version. */
  transactionWithRemoval(path: string, dataVersion: number): Transaction {
    const transaction = this.api.transaction() as Transaction & { ops: { version?: number }[] };
    transaction.remove(path, dataVersion);
    // The library takes version 0 for "any version".
    transaction.ops[0]!.version = dataVersion;
    return transaction;
  }

  /** Has the library fail calls made from now on, but for the one that ends the session. */
  refuseCalls(): void {
    if (this.#internals.state !== STATE.CLOSING) this.#internals.setState(STATE.CLOSING);
  }

  /** Like {@link refuseCalls}, and tells the listener nothing more. */
  stop(): void {
    this.#stopped = true;
    this.refuseCalls();
  }

  /** Closes the transport; the session stays alive on the server. */
  destroy(): void {
    const { socket, connectTimeoutHandler } = this.#internals;
    if (connectTimeoutHandler) clearTimeout(connectTimeoutHandler);
    if (socket) socket.destroy();
    // The library makes its socket one tick after it was told to connect.
    else process.nextTick(() => this.destroy());
  }

  /** Gives the library an encrypted socket: it knows no other than those that it makes by `net.connect`. */
  #connectEncrypted({ host, port, lookup }: ConnectionOptions, tls: Encryption): void {
    const internals = this.#internals;
    const { serverName = host, ...credentials } = tls;
    internals.setState(STATE.CONNECTING);
    const socket = connectTls({
      host,
      port,
      ...(lookup && { lookup }),
      ...credentials,
      // An address cannot be asked for by name, and its certificate is checked all the same.
      ...(isIP(serverName) === 0 && { servername: serverName }),
      checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
    });
    internals.socket = socket;
    socket.setNoDelay();
    socket.on('secureConnect', () => internals.onSocketConnected());
    socket.on('data', (chunk: Buffer) => internals.onSocketData(chunk));
    socket.on('drain', () => internals.onSocketDrain());
    socket.on('error', (error: Error) => internals.onSocketError(error));
    socket.on('close', (hadError: boolean) => internals.onSocketClosed(hadError));
  }

  #onState(state: number, { host, port, tls }: ConnectionOptions): void {
    if (this.#stopped) return;
    switch (state) {
      case STATE.CONNECTED:
        this.#connected = true;
        this.#listener.connected();
        break;
      case STATE.EXPIRED:
        this.#listener.failed(toRegistryError(ZK.SESSION_EXPIRED, 'session', '/'));
        break;
      case STATE.AUTH_FAILED:
        this.#listener.failed(toRegistryError(ZK.AUTH_FAILED, 'session', '/'));
        break;
      case STATE.DISCONNECTED: {
        // A server that refuses closes the connection without an answer, and without an error either.
        const refused = !this.#connected && !this.#lastError;
        const why = refused ? closedAtOnce(tls !== undefined) : reasonOf(this.#lastError);
        const hint = tls ? handshakeHint(why, 'a ZooKeeper server') : '';
        const message = `No connection to ${join(host, port)}: ${why}. ${hint}`.trimEnd();
        const options = this.#lastError ? { cause: this.#lastError } : {};
        this.#listener.failed(
          refused ? new RefusedError(message, this.#address) : new RegistryError('CONNECTION_LOST', message, options),
        );
        break;
      }
    }
  }

  #read(chunk: Buffer): void {
    try {
      for (const packet of this.#framer.push(chunk)) {
        this.#unknownCode = undefined;
        if (this.#internals.state !== STATE.CONNECTING && isAnswer(packet)) this.#readHeader(packet);
        this.#packet = packet;
        this.#readPacket(packet);
      }
    } catch (error) {
      // One packet that cannot be read costs the connection, not the process.
      this.#break(error);
    } finally {
      this.#unknownCode = undefined;
      this.#packet = undefined;
    }
  }

  /** Fails the request that a packet answers; its bytes are dropped as they come, and all else goes on. */
  #failTooLong(header: Buffer, bytes: number): void {
    const [pending] = this.#internals.pendingQueue;
    const answered = pending?.request.header;
    // Nothing else than what is read or listed is ever long: then the packet is no answer, and what follows it none either.
    if (
      this.#internals.state === STATE.CONNECTING ||
      answered?.xid !== header.readInt32BE(OFFSET.XID) ||
      answered.type === OPCODE.EXISTS
    ) {
      if (this.#internals.state === STATE.CONNECTING) {
        throw new RegistryError(
          'SERVER_ERROR',
          `expected the handshake of a ZooKeeper server, got ${bytes} bytes of something else`,
        );
      }
      const message = `the server announced a packet of ${bytes} bytes, at most ${this.#maxPacketBytes} are read (see maxPacketBytes)`;
      throw new RegistryError('TOO_LARGE', message);
    }
    const failure = Buffer.from(header);
    failure.writeInt32BE(OFFSET.HEADER - 4, 0);
    failure.writeInt32BE(ZK.ANSWER_TOO_LONG, OFFSET.ERROR);
    this.#readHeader(failure);
    this.#readPacket(failure);
    this.#unknownCode = undefined;
  }

  #break(error: unknown): void {
    this.#lastError = error instanceof Error ? error : new Error(String(error));
    this.#internals.socket?.destroy();
  }

  #readHeader(packet: Buffer): void {
    const zxid = packet.readBigInt64BE(OFFSET.ZXID);
    // An answer without a transaction carries 0.
    if (zxid > this.#seenZxid) this.#seenZxid = zxid;
    const code = packet.readInt32BE(OFFSET.ERROR);
    // What the server says before it closes the connection is why it does.
    if (code === ZK.SESSION_CLOSED_REQUIRE_AUTH) this.#lastError = new RegistryError('NOT_AUTHORIZED', REQUIRES_AUTH);
    if (CODES_OF_LIBRARY.has(code)) return;
    this.#unknownCode = code;
    packet.writeInt32BE(ZK.SYSTEM_ERROR, OFFSET.ERROR);
  }
}

function closedAtOnce(isTls: boolean): string {
  const expectation = isTls ? 'not trust our certificate' : 'expect TLS (then add "tls=true" to the address)';
  return `the server closed it without an answer (it may ${expectation}, be no ZooKeeper server, or be behind what this client has seen)`;
}

/** What an error says; one that stands for several, as of the addresses of one name, says nothing itself. */
function reasonOf(error: Error | undefined): string {
  if (error instanceof AggregateError) return error.errors.map((each) => (each as Error).message).join(', ');
  const { code, reason } = (error ?? {}) as { code?: string; reason?: string };
  // Of TLS, whose messages are places in the source of OpenSSL.
  if (code?.startsWith('ERR_SSL_') && reason !== undefined) return reason;
  return error?.message ?? 'it was closed';
}

/** Events, pings and authentication have negative xids. */
function isAnswer(packet: Buffer): boolean {
  return packet.length >= OFFSET.HEADER && packet.readInt32BE(OFFSET.XID) >= 0;
}

function internalsOf(client: Client): Internals {
  const internals = (client as unknown as { connectionManager?: Partial<Internals> }).connectionManager;
  const functions = [
    'connect',
    'queue',
    'setState',
    'getSessionId',
    'getSessionPassword',
    'getSessionTimeout',
    'onSocketConnected',
    'onSocketData',
    'onSocketDrain',
    'onSocketClosed',
    'onSocketError',
    'registerDataWatcher',
    'registerChildWatcher',
    'registerExistenceWatcher',
    'on',
  ] as const;
  const missing = functions.filter((name) => typeof internals?.[name] !== 'function');
  if (!internals?.watcherManager || !internals.packetQueue || !Buffer.isBuffer(internals.zxid)) missing.push('on');
  if (missing.length > 0) {
    throw new RegistryError(
      'UNSUPPORTED',
      `This node-zookeeper-client is not version 1.1.3 or behaves like it: it lacks ${missing.join(', ')}.`,
    );
  }
  return internals as Internals;
}
